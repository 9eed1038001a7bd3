import type { ComposedAnswer } from './answer.ts';
import { isJsonObject, type ModelRequest, type RequestRefused } from './request.ts';
import type { Answer, ProtocolName } from './script.ts';

/** Headers of a request, names in lower case. */
export type RequestHeaders = Readonly<Record<string, string>>;

/** An honest answer, ready to be written in the words of a protocol. */
export interface WireAnswer {
  readonly requestNumber: number;
  readonly createdSeconds: number;
  readonly model: string;
  readonly composed: ComposedAnswer;
  readonly options: Answer;
  /** All input, what was read from the cache included. */
  readonly inputTokens: number;
  readonly cachedTokens: number;
}

/** What differs between the two wire protocols. */
export interface Protocol {
  readonly name: ProtocolName;
  /** @throws RequestRefused when a header that the API requires is missing */
  readonly checkHeaders: (headers: RequestHeaders, requireKey: boolean) => void;
  /** @throws RequestRefused when the real API would answer 400 */
  readonly readRequest: (body: unknown) => ModelRequest;
  readonly writeAnswer: (answer: WireAnswer) => Readonly<Record<string, unknown>>;
  readonly writeError: (refused: RequestRefused, requestNumber: number) => Readonly<Record<string, unknown>>;
  /** The error type that the API gives with a status. */
  readonly errorType: (status: number) => string;
  readonly listModels: (models: readonly string[]) => Readonly<Record<string, unknown>>;
  /** The header that carries the id of a request, and that id. */
  readonly requestIdHeader: (requestNumber: number) => readonly [name: string, value: string];
}

/** Ids are made from the number of the request, never at random, so that two runs can be compared. */
export function numberedId(prefix: string, requestNumber: number): string {
  return `${prefix}${String(requestNumber).padStart(12, '0')}`;
}

/** The honest usage, with the script's departures merged over it: one level deep, as usage has details. */
export function mergeUsage(
  honest: Readonly<Record<string, unknown>>,
  options: Answer,
): { readonly usage?: Readonly<Record<string, unknown>> } {
  const { usage: override } = options;
  if (override === 'missing') return {};
  const usage: Record<string, unknown> = { ...honest };
  for (const [name, value] of Object.entries(override ?? {})) {
    const before = usage[name];
    usage[name] = isJsonObject(before) && isJsonObject(value) ? { ...before, ...value } : value;
  }
  return { usage };
}
