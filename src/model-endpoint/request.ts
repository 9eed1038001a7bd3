import type { ProtocolName, TurnMessage, TurnTool } from './script.ts';

/** A well-formed request, the same for both protocols. */
export interface ModelRequest {
  readonly protocol: ProtocolName;
  readonly model: string;
  readonly system: string;
  readonly messages: readonly TurnMessage[];
  readonly tools: readonly TurnTool[];
  /** Whether it has tools, and does not forbid to call them (`tool_choice`). */
  readonly mayCall: boolean;
  readonly maxOutputTokens: number | undefined;
  /** What stands before the first message and is counted as input: tools, and the system prompt where it is no message. */
  readonly preamble: string;
  /** The text of each message on the wire, for counting tokens and for finding a cached beginning. */
  readonly messageTexts: readonly string[];
}

/** A request that the provider would refuse: status and what its error body says. */
export class RequestRefused extends Error {
  override readonly name = 'RequestRefused';
  readonly status: number;
  readonly type: string;
  /** OpenAI only: the parameter that is wrong. */
  readonly param: string | null;
  /** OpenAI only: the code of the error. */
  readonly code: string | null;

  constructor(
    message: string,
    details: { status?: number; type?: string; param?: string | null; code?: string | null } = {},
  ) {
    super(message);
    this.status = details.status ?? 400;
    this.type = details.type ?? 'invalid_request_error';
    this.param = details.param ?? null;
    this.code = details.code ?? null;
  }
}

/** A JSON object whose members are still unknown. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Whether a value is a JSON object (no array, no null). */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a value is an array; unlike Array.isArray it does not turn unknown into any. */
export function isJsonArray(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}
