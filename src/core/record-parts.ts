/** What was consumed when the record was made. Field names are those of aegrail for Python; `*_reserved` is ours. */
export interface BudgetSnapshot {
  readonly tokens_used: number;
  readonly usd_used: number;
  readonly tool_calls: number;
  readonly recursion_depth: number;
  /** Seconds since the session started, never below 0. */
  readonly wall_elapsed: number;
  readonly tokens_reserved: number;
  readonly usd_reserved: number;
  readonly tool_calls_reserved: number;
}

/** The additive part of a reservation or of what was posted, on the wire. */
export interface WireAmounts {
  readonly usd_nano: number;
  readonly tokens: number;
  readonly tool_calls: number;
}

/** What a provider counted for one call, on the wire: `Usage` of price.ts. */
export interface WireUsage {
  readonly input_tokens: number;
  readonly cache_read_tokens: number;
  readonly cache_write_tokens: number;
  readonly cache_write_1h_tokens: number;
  readonly output_tokens: number;
  readonly reasoning_tokens: number;
  readonly web_searches: number;
  readonly modifiers: Readonly<Record<string, string>>;
}

/** Limits on the wire. Null: not limited. */
export interface WireLimits {
  readonly usd: number | null;
  readonly tokens: number | null;
  readonly wall_seconds: number;
  readonly max_tool_calls: number | null;
  readonly max_recursion_depth: number;
}

/**
 * How an admitted call ended. `not_started`: it surely did not run, the reservation is void. `unknown`: it may have run
 * and its end is not known. `abandoned`: it ignored cancellation past the grace period. The last two and `cancelled` are
 * posted at their reserved worst case.
 */
export type CallOutcome = 'ok' | 'error' | 'not_started' | 'unknown' | 'cancelled' | 'abandoned';

/** What a record shows of arguments: keys and sizes, and the values that the contract's `redact` lists. */
export interface RedactedArgs {
  readonly keys: readonly { readonly key: string; readonly bytes: number }[];
  readonly bytes: number;
  readonly shown?: Readonly<Record<string, unknown>>;
}

/** Why a call failed: a stable code, an HTTP status where there was one. Never a provider's or a tool's own words. */
export interface CallError {
  readonly code: string;
  readonly status?: number;
}

/** The record, in the log of another session, that admitted the call which a session was started by. */
export interface ParentCall {
  readonly session_id: string;
  readonly seq: number;
}

/** What rules counted when the session of a sub-agent was started: its own begin from there. */
export interface WireFacts {
  /** What the sessions above it had used or reserved, without what it was given itself. */
  readonly used: WireAmounts;
  readonly tools: Readonly<Record<string, { readonly admitted: number; readonly in_flight: number }>>;
  readonly denied: number;
}

/** The session of another agent, before it is started. */
export interface Delegated {
  readonly session_id: string;
  /** The contract that the call names. Its session's own is that, as far as its parent's allows it. */
  readonly contract_sha256: string;
  /** What it is given. Null: not limited, as its parent is not. */
  readonly limits: WireLimits;
  /** The tools that it, or one below it, may call: until it has ended, rules count all of its calls for each. Absent in older ones. */
  readonly tools?: readonly string[];
}

/** How the session of another agent ended, as its own log has it. `none`: it has no log, and spent nothing. */
export type AgentOutcome = 'answered' | 'killed' | 'cancelled' | 'failed' | 'terminated' | 'none' | 'unknown';

/** What became of the session of another agent. */
export interface AgentEnd {
  readonly session_id: string;
  /** `unknown`: all that it was given is posted. */
  readonly outcome: AgentOutcome;
  /** How often it, or one below it, called each tool. Absent where nobody knows: rules count all that it might have. */
  readonly calls?: Readonly<Record<string, number>>;
  /** How often it was denied one. Absent as `calls` is. */
  readonly denied?: number;
}

/** How Temporal says that a workflow ended. `lost`: it does not say. */
export type TerminatedStatus = 'terminated' | 'timed_out' | 'failed' | 'cancelled' | 'completed' | 'lost';
