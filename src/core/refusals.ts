/** Families of refusals, named as in aegrail for Python. */
export type RefusalFamily = 'ToolNotPermitted' | 'BudgetExceeded';

/** One row of the table: what a reason means, and where it is in the OWASP Top 10 for Agentic Applications 2026. */
export interface Refusal {
  readonly family: RefusalFamily;
  readonly asi: `ASI${string}`;
  /** Whether the session goes on: a denied call is told to the model, an exceeded budget kills. */
  readonly ends: 'call' | 'session';
  readonly meaning: string;
}

/** Every reason for which a call is refused or a session is killed. README and errors come from this table. */
export const REFUSALS = {
  not_registered: {
    family: 'ToolNotPermitted',
    asi: 'ASI03',
    ends: 'call',
    meaning: 'The agent has no tool of this name.',
  },
  invalid_arguments: {
    family: 'ToolNotPermitted',
    asi: 'ASI02',
    ends: 'call',
    meaning: "The arguments are not JSON, or not what the tool's JSON Schema asks for.",
  },
  predicate_false: {
    family: 'ToolNotPermitted',
    asi: 'ASI02',
    ends: 'call',
    meaning: "The tool's `when` said no.",
  },
  predicate_error: {
    family: 'ToolNotPermitted',
    asi: 'ASI02',
    ends: 'call',
    meaning: "The tool's `when` failed, or answered something that is not a boolean. That denies.",
  },
  approval_denied: {
    family: 'ToolNotPermitted',
    asi: 'ASI09',
    ends: 'call',
    meaning: 'A person was asked, and said no.',
  },
  approval_expired: {
    family: 'ToolNotPermitted',
    asi: 'ASI09',
    ends: 'call',
    meaning: 'A person was asked, and did not answer in time.',
  },
  principal_expired: {
    family: 'ToolNotPermitted',
    asi: 'ASI03',
    ends: 'call',
    meaning: 'The principal that the session acts as has expired.',
  },
  agent_cycle: {
    family: 'ToolNotPermitted',
    asi: 'ASI08',
    ends: 'call',
    meaning: 'The agent that was asked for is this one, or works above it.',
  },
  loop_detected: {
    family: 'ToolNotPermitted',
    asi: 'ASI08',
    ends: 'call',
    meaning: 'The same call, or the same sequence of calls, came round too often: `loops.maxRepeats`.',
  },
  kill_switch: {
    family: 'ToolNotPermitted',
    asi: 'ASI10',
    ends: 'session',
    meaning: 'Somebody turned the kill switch on, for this agent or for all.',
  },
  usd: {
    family: 'BudgetExceeded',
    asi: 'ASI02',
    ends: 'session',
    meaning: 'The next call could cost more than what is left, or its model has no known price.',
  },
  tokens: {
    family: 'BudgetExceeded',
    asi: 'ASI02',
    ends: 'session',
    meaning: 'The next call could use more tokens than are left.',
  },
  max_tool_calls: {
    family: 'BudgetExceeded',
    asi: 'ASI02',
    ends: 'session',
    meaning: 'All tool calls are used up.',
  },
  account_limit: {
    family: 'BudgetExceeded',
    asi: 'ASI02',
    ends: 'session',
    meaning: 'An account that the session is on has not enough left in its window.',
  },
  wall_seconds: {
    family: 'BudgetExceeded',
    asi: 'ASI08',
    ends: 'session',
    meaning: "The session's wall clock has run out. Calls in flight are cancelled.",
  },
  max_recursion_depth: {
    family: 'BudgetExceeded',
    asi: 'ASI08',
    ends: 'session',
    meaning: 'The session is deeper below its first ancestor than the contract allows.',
  },
} as const satisfies Record<string, Refusal>;

/** The name of a row of {@link REFUSALS}. */
export type RefusalReason = keyof typeof REFUSALS;

/** A decision against a call: data, never thrown. */
export interface Denial {
  readonly reason: RefusalReason;
  /** One sentence for the model and the record: what was wrong and what would be right. */
  readonly why: string;
}
