import type { Logger } from 'pino';
import type { z } from 'zod';

/** What a tool is handed beside its arguments. */
export interface ToolContext {
  /** Aborted when the session is cancelled, its deadline comes, or the worker shuts down. */
  readonly signal: AbortSignal;
  /** When the call is cut off, milliseconds since the epoch. */
  readonly deadlineMs: number;
  /** Who acts for whom: `support-bot/v1@sess_…`, and the user. */
  readonly principal: { readonly id: string; readonly user: string };
  readonly sessionId: string;
  /** The same for every try of one call of an idempotent tool; null for others. */
  readonly idempotencyKey: string | null;
  readonly logger: Logger;
  /** The secrets that the contract grants this tool, by name. */
  readonly secrets: Readonly<Record<string, string>>;
}

/** A JSON Schema that describes an object. */
export interface ToolInputSchema {
  readonly [key: string]: unknown;
}

/** What `defineTool` is given. */
export interface ToolSpec<Input extends z.ZodType = z.ZodType> {
  /** What the tool does and when to use it: the model reads it. */
  readonly description: string;
  /** A zod 4 schema of the arguments, usually `z.object({ … })`. */
  readonly input: Input;
  /** Answers with anything that is JSON: a string goes to the model as it is. */
  readonly execute: (args: z.output<Input>, context: ToolContext) => unknown;
}

/**
 * The mark of what `defineTool` made. Registered, because a user's module may load another copy of this package than the
 * worker runs.
 */
export const TOOL_MARK: unique symbol = Symbol.for('aegrail.tool/1');

/** A tool written in TypeScript: what `defineTool` answers, frozen. */
export interface ToolDefinition<Input extends z.ZodType = z.ZodType> extends ToolSpec<Input> {
  readonly [TOOL_MARK]: true;
  /** JSON Schema (2020-12) of the arguments, converted once from `input`. */
  readonly inputSchema: ToolInputSchema;
}

/**
 * A tool whatever its arguments are. `execute` takes what `input` parsed, which only the pair of them knows: hence
 * `never`, to which every definition can be assigned.
 */
export interface AnyTool extends ToolDescription {
  readonly [TOOL_MARK]: true;
  readonly input: z.ZodType;
  readonly execute: (args: never, context: ToolContext) => unknown;
}

/** What a call of a tool came to, as the model sees it. */
export interface ToolResult {
  readonly text: string;
  /** The tool itself said that it failed (MCP's `isError`). */
  readonly isError: boolean;
}

/** What is known of a tool before it is called. */
export interface ToolDescription {
  readonly description: string;
  /** JSON Schema (2020-12 unless its `$schema` says otherwise) of the arguments. */
  readonly inputSchema: ToolInputSchema;
}
