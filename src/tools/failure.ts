import type { ToolResult } from './tool.ts';

/** Why a call of a tool has no result, by code: what it means to a program. */
export const TOOL_FAILURE_CODES = {
  invalid_arguments: 'The arguments do not fit the tool. It did not run.',
  tool_threw: 'The tool threw.',
  unserializable: 'The tool ran, and answered with what is not JSON.',
  cancelled: 'The call was cancelled.',
  timeout: 'The tool did not answer in time.',
  connect_failed: 'The MCP server could not be reached or did not start. The tool did not run.',
  connection_lost: 'The connection to the MCP server ended in mid-call.',
  server_refused: 'The MCP server refused the request by its HTTP status. The tool did not run.',
  unknown_tool: 'The MCP server has no such tool any more. Nothing ran.',
  contract_drift: 'The arguments that the MCP tool takes are not those that the contract was pinned with. Nothing ran.',
  protocol: 'The MCP server answered with an error, or with what breaks the protocol or its own schema.',
  result_too_large: 'The answer is larger than a worker takes into memory.',
} as const;

/** A key of {@link TOOL_FAILURE_CODES}. */
export type ToolFailureCode = keyof typeof TOOL_FAILURE_CODES;

/** A call that came to nothing. It is data: the model is told, and the guard decides whether to try again. */
export interface ToolFailure {
  readonly code: ToolFailureCode;
  /** Whether the tool's code ran: `maybe` when only the tool's side knows. */
  readonly started: 'no' | 'maybe' | 'yes';
  /** Whether the same call may come to something later. Says nothing of whether a second run is harmless. */
  readonly retryable: boolean;
  /** For people and for the model: one paragraph. */
  readonly message: string;
}

/** What a call of a tool came to. */
export type ToolOutcome =
  | { readonly ok: true; readonly result: ToolResult }
  | { readonly ok: false; readonly failure: ToolFailure };

/** Longest message of a failure, in UTF-16 units: servers and tools put whole pages into errors. */
const MAX_MESSAGE = 2_000;

/** A failed outcome. The message is shortened, and made safe to store. */
export function failed(
  code: ToolFailureCode,
  started: ToolFailure['started'],
  retryable: boolean,
  message: string,
): { readonly ok: false; readonly failure: ToolFailure } {
  const short = message.length <= MAX_MESSAGE ? message : `${message.slice(0, MAX_MESSAGE - 1)}…`;
  return { ok: false, failure: { code, started, retryable, message: short.toWellFormed() } };
}
