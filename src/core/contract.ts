import type { ContextRule } from './context-rule.ts';
import type { LoopRule } from './loops.ts';
import type { ModelPrice } from './price.ts';

/** Version of the contract's form. A worker refuses any other. */
export const CONTRACT_FORMAT = 1;

/** What a session was given. Null: not limited in that dimension. Zero is a budget. */
export interface Grant {
  readonly usdNano: number | null;
  readonly tokens: number | null;
  readonly wallMs: number;
  readonly toolCalls: number | null;
  readonly recursionDepth: number;
}

/**
 * A rule over one call: a CEL expression, the name of a predicate that the user put into the workflow bundle, or several,
 * which must all say yes: what a sub-agent may do is what it and those above it may.
 */
export type When = { readonly cel: string } | { readonly predicate: string } | { readonly all: readonly When[] };

/** Another agent, as a tool: a child session with a slice of the budget. */
export interface AgentSource {
  readonly kind: 'agent';
  readonly agent: string;
  /** The contract that its sessions are held to, as far as their parent's allows it. */
  readonly contractSha256: string;
  /** Most that one session of it is given. Null: what its parent has. */
  readonly limits: Grant;
  /** The tools that it, or one below it, may call, in order. Absent in contracts that are older. */
  readonly tools?: readonly string[];
}

/** Where a tool's code is. Paths are relative to the contract file. */
export type CodeSource =
  | { readonly kind: 'module'; readonly module: string; readonly export: string }
  | { readonly kind: 'mcp'; readonly server: string; readonly tool: string };

/** What a tool is made of. */
export type ToolSource = CodeSource | AgentSource;

/** What a record may show of a call. Keys and sizes are always shown, values never unless listed here. */
export interface Redaction {
  /** Top-level arguments whose values are shown. */
  readonly showArgs: readonly string[];
  /** Whether the text of the result is shown. */
  readonly showResult: boolean;
}

/** Who must say yes before a call runs. */
export interface ApprovalRule {
  /** CEL over what a tool's `when` sees: which calls are asked for. Null: every one, unless `aboveUsdNano` is there. */
  readonly when: string | null;
  /** Calls are asked for as well once the session has used or reserved more than this. Absent: whatever was used. */
  readonly aboveUsdNano?: number;
  /** How many people must approve. */
  readonly quorum: number;
  /** CEL over the same and `approver.id`: who may decide. Null: anybody. */
  readonly approvers: string | null;
  /** Whether the user whom the agent works for may not decide. */
  readonly excludeUser: boolean;
  readonly expiresMs: number;
  /** What the request shows of the arguments: all of them, or what the records show. Records never show more. */
  readonly show: 'redacted' | 'full';
}

/** One tool of an agent, and the rule it is under. */
export interface ToolContract {
  readonly source: ToolSource;
  readonly description: string;
  /** JSON Schema of the arguments, checked before the rule. */
  readonly inputSchema: { readonly [key: string]: unknown };
  readonly when: When | null;
  /** Null: no person is asked. */
  readonly approval: ApprovalRule | null;
  readonly timeoutMs: number;
  /** An idempotent tool is retried by the guard, with one idempotency key for all tries. Others run at most once. */
  readonly idempotent: boolean;
  readonly redact: Redaction;
  /** Names of the secrets that the tool may read, as `ctx.secrets.NAME`. Values stay with the worker. */
  readonly secrets: readonly string[];
}

/** The wire that a model is reached by. */
export type Protocol = 'openai' | 'anthropic' | 'openai-compatible';

/** The model of an agent, and what bounds one call of it. */
export interface ModelContract {
  /** Name of the provider in the contract file; `openai` and `anthropic` are known by themselves. */
  readonly provider: string;
  readonly protocol: Protocol;
  readonly name: string;
  /** Most output tokens of one call. */
  readonly maxOutputTokens: number;
  /** An answer shorter than this is of no use: below it the session ends instead of calling. */
  readonly minOutputTokens: number;
  /** Tokens that a provider adds by itself to a request with tools. */
  readonly promptOverheadTokens: number;
  /** Longest that one call may take. */
  readonly timeoutMs: number;
  /** Null: unpriced. Then a call is refused when there is a usd limit. */
  readonly price: ModelPrice | null;
}

/** What happens at a budget's limits. */
export interface BudgetRule {
  /** At the limit: the session is killed, or waits for a person to top it up. */
  readonly onExceeded: 'kill' | 'ask';
  /** CEL over `approver.id`, principal, session and budget: who may top up. Null: anybody. */
  readonly approvers: string | null;
  /** Whether the user whom the agent works for may not. */
  readonly excludeUser: boolean;
  /** How long it waits for a person. */
  readonly askMs: number;
  /** The model is told, once, when so much of a budget is used, in thousandths. 0: it is not told. */
  readonly softPermille: number;
}

/** Whether a call may run when its admission could not be stored. */
export type AuditMode = 'required' | 'best_effort';

/** What one agent may do: the data that a session is held to. Pinned in history, and known by its SHA-256. */
export interface Contract {
  readonly format: typeof CONTRACT_FORMAT;
  readonly agent: string;
  readonly version: string;
  readonly instructions: string;
  readonly model: ModelContract;
  readonly tools: Readonly<Record<string, ToolContract>>;
  readonly limits: Grant;
  readonly budget: BudgetRule;
  readonly audit: AuditMode;
  /** Most tool calls in flight at once. */
  readonly maxParallelCalls: number;
  /** A tool's result is cut at this many bytes. */
  readonly maxResultBytes: number;
  /** Absent in contracts that are older than the rule: it is off there. */
  readonly loops?: LoopRule;
  /** Absent where the model's window is not known or the rule was turned off, and in older contracts: never compacted. */
  readonly context?: ContextRule;
  /** Accounts that every session is on, with `{user}` and `{agent}` in their names. Absent: none. */
  readonly accounts?: readonly string[];
}

/** A contract, and the SHA-256 of its canonical form (RFC 8785). */
export interface PinnedContract {
  readonly contract: Contract;
  readonly sha256: string;
}
