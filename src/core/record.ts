import type {
  AgentEnd,
  BudgetSnapshot,
  CallError,
  CallOutcome,
  Delegated,
  ParentCall,
  RedactedArgs,
  TerminatedStatus,
  WireAmounts,
  WireFacts,
  WireLimits,
  WireUsage,
} from './record-parts.ts';
import type { RefusalReason } from './refusals.ts';

/** Version of the record's form. */
export const RECORD_VERSION = 1;

/** Every event and its payload. One union; a reader of an older version skips what it does not know. */
export interface Events {
  readonly session_started: {
    readonly contract_sha256: string;
    readonly limits: WireLimits;
    readonly model: string;
    readonly tools: readonly string[];
    readonly workflow_id: string;
    /** The signed text that lets this session run, where the worker asks for one (`trustedContractKeys`). */
    readonly authorization: string | null;
    readonly recursion_depth: number;
    /** The call of another session that this one was started by. Absent in a session that a person started. */
    readonly parent?: ParentCall;
    /** Principals above this one, the first ancestor first. Absent as `parent` is. */
    readonly chain?: readonly string[];
    /** What rules counted above it when it was started. Absent as `parent` is, and in older records. */
    readonly above?: WireFacts;
    readonly input: { readonly bytes: number };
    readonly fail_on_kill: boolean;
    readonly aegrail_version: string;
  };
  readonly llm_admitted: {
    readonly model: string;
    readonly attempt: number;
    readonly digest: string;
    readonly reserved: WireAmounts;
    /** Milliseconds since the epoch by which the call must have ended: the session's deadline. */
    readonly until_ms: number;
    /** Start-to-close of this try: min(the call's own timeout, what is left of the wall clock). */
    readonly timeout_ms: number;
    readonly input_bound_tokens: number;
    readonly max_output_tokens: number;
    /** A summary of the conversation, and not its next turn. */
    readonly purpose?: 'summary';
  };
  readonly llm_call: {
    readonly reservation: number;
    readonly model: string;
    readonly outcome: CallOutcome;
    readonly posted: WireAmounts;
    readonly usage: WireUsage | null;
    /** `reported`: posted from the provider's count. Otherwise the reserved worst case was posted. */
    readonly usage_state: 'reported' | 'missing' | 'impossible' | 'none';
    readonly finish_reason?: string;
    readonly tool_calls_asked?: number;
    readonly elapsed_ms: number;
    readonly error?: CallError;
    readonly retry_in_ms?: number;
  };
  readonly tool_admitted: {
    readonly tool: string;
    readonly call_id: string;
    readonly attempt: number;
    readonly digest: string;
    readonly args: RedactedArgs;
    readonly reserved: WireAmounts;
    readonly until_ms: number;
    readonly timeout_ms: number;
    /** The tool is another agent: what its session is given. `reserved` is that, and the call itself. */
    readonly agent?: Delegated;
  };
  readonly tool_call: {
    readonly reservation: number;
    readonly tool: string;
    readonly call_id: string;
    readonly ok: boolean;
    readonly outcome: CallOutcome;
    readonly posted: WireAmounts;
    readonly result?: { readonly bytes: number; readonly shown?: string };
    readonly elapsed_ms: number;
    readonly error?: CallError;
    readonly retry_in_ms?: number;
    /** The tool is another agent. */
    readonly agent?: AgentEnd;
  };
  readonly tool_denied: {
    readonly tool: string;
    readonly call_id: string;
    readonly reason: RefusalReason;
    readonly asi: string;
    readonly why: string;
    readonly args: RedactedArgs;
  };
  readonly budget_exceeded: {
    readonly reason: RefusalReason;
    readonly asi: string;
    readonly why: string;
    /** What the refused call would have reserved. */
    readonly needed: WireAmounts;
  };
  /** A call waits for people. It is bound to `digest`: tool, arguments, contract and principal. */
  readonly approval_requested: {
    readonly request: string;
    readonly tool: string;
    readonly call_id: string;
    readonly digest: string;
    readonly args: RedactedArgs;
    readonly quorum: number;
    readonly expires_at: string;
  };
  /** Somebody decided. `refused`: who may not, or too late; then it changes nothing. */
  readonly approval_decided: {
    readonly request: string;
    readonly digest: string;
    readonly decision: 'approve' | 'deny';
    readonly by: string;
    readonly reason: string | null;
    readonly outcome: 'approved' | 'denied' | 'waiting' | 'refused';
    /** Why it was refused. */
    readonly why: string | null;
  };
  readonly approval_expired: { readonly request: string };
  /** Something was said to a session that goes on. */
  readonly message_received: {
    readonly message_id: string;
    readonly bytes: number;
    /** An update has an answer, a signal has none. */
    readonly via: 'update' | 'signal';
  };
  /** What was said was answered. Null: the message that the session was started with. */
  readonly turn_answered: { readonly message_id: string | null; readonly bytes: number };
  /** The conversation begins anew with a summary of it. What it was stays in the store. */
  readonly context_compacted: {
    /** `seq` of the `llm_admitted` that paid for the summary. */
    readonly reservation: number;
    /** SHA-256 of the conversation until then, with the summary as its last answer. */
    readonly before_transcript: string;
    /** SHA-256 of the text that stands in its place. */
    readonly summary: string;
    readonly summary_bytes: number;
    /** Upper bounds of the next request: without the summary, and with it. */
    readonly tokens_before: number;
    readonly tokens_after: number;
  };
  /** Somebody paused the session: what is in flight ends, nothing more is admitted until `session_resumed`. */
  readonly session_paused: { readonly by: string; readonly reason: string | null };
  readonly session_resumed: { readonly by: string; readonly reason: string | null };
  /** The kill switch is on, for one agent or for all (null): what is in flight is stopped, and the session ends. */
  readonly killed_by_switch: {
    readonly agent: string | null;
    /** Who turned it on, and why. */
    readonly by: string;
    readonly reason: string | null;
    readonly in_flight: number;
  };
  /** A person raised the budget. Nothing of a dimension that is not limited. */
  readonly budget_raised: {
    readonly by: string;
    readonly reason: string | null;
    readonly amounts: WireAmounts;
  };
  /**
   * Somebody moved the session to another contract: from here on it is held to that one. What was posted stays posted, and
   * the wall clock began when the session did.
   */
  readonly contract_migrated: {
    readonly from_sha256: string;
    readonly to_sha256: string;
    /** What is granted from here on, in the place of what was. */
    readonly limits: WireLimits;
    readonly model: string;
    readonly tools: readonly string[];
    readonly by: string;
    readonly reason: string | null;
    /** The signed text that lets it run under this contract, where the worker asks for one (`trustedContractKeys`). */
    readonly authorization: string | null;
  };
  /** An account leased amounts to the session: from here on what it posts and reserves stays within all that it was leased. */
  readonly account_leased: {
    readonly account: string;
    /** 1, 2, 3 … for each account. */
    readonly n: number;
    /** What was leased now. Zero: the account had nothing left. */
    readonly amounts: WireAmounts;
  };
  /** The model was told that so much of a budget is used. */
  readonly budget_warned: { readonly dimension: 'usd' | 'tokens' | 'max_tool_calls'; readonly permille: number };
  readonly cancel_requested: { readonly in_flight: number };
  /** The session goes on in another run, because the history of the last one has grown long (continue-as-new). */
  readonly session_continued: { readonly from_run_id: string; readonly to_run_id: string };
  /**
   * An operator reset the workflow in Temporal: another run goes on from an earlier point of its history, with the log and
   * the ledger as they were stored. What was in flight is posted at its worst case by the records that follow.
   */
  readonly session_reset: {
    readonly from_run_id: string;
    readonly to_run_id: string;
    /** The first sequence number at which the new run would have gone another way than the log. */
    readonly at_seq: number;
    /** Calls that had not ended. */
    readonly in_flight: number;
  };
  readonly session_ended: {
    readonly outcome: 'answered' | 'killed' | 'cancelled' | 'failed';
    readonly reason: string | null;
    /** How many records the session has, this one included. */
    readonly records: number;
    readonly answer: { readonly bytes: number } | null;
  };
  /** The session was ended from outside, and could not write its last record itself. `aegrail audit reconcile` did. */
  readonly session_terminated: {
    readonly status: TerminatedStatus;
    /** `history`: from the workflow's own. `absence`: Temporal does not know the workflow any more. */
    readonly known_by: 'history' | 'absence';
    /** When the workflow was closed; null when that is not known. */
    readonly closed_at: string | null;
    /** Who ended it, as Temporal has it; null when that is not known. */
    readonly by: string | null;
    readonly reason: string | null;
    /** How many records the session has, this one included. */
    readonly records: number;
  };
}

export type EventName = keyof Events;

interface RecordFields<E extends EventName> {
  readonly v: typeof RECORD_VERSION;
  /** RFC 3339, UTC, milliseconds: workflow time, which never goes back within a session. */
  readonly ts: string;
  /** 0, 1, 2 … without holes. */
  readonly seq: number;
  /** The workflow id. */
  readonly session_id: string;
  /** The workflow run that made it. */
  readonly run_id: string;
  /** The event of that run's history in whose turn it was made: a WorkflowTaskStarted, or what closed the run. */
  readonly event_id: number;
  readonly agent_identity: string;
  readonly invoking_user: string;
  readonly principal: string;
  readonly event: E;
  readonly payload: Events[E];
  readonly budget: BudgetSnapshot;
}

/** One audit event, as the workflow makes it. */
export type AuditRecord = { [E in EventName]: RecordFields<E> }[EventName];

/** One audit event in the chain, as it is stored and exported. */
export type ChainedRecord = AuditRecord & {
  /** `hash` of the record before it, 64 zeros for the first. */
  readonly prev_hash: string;
  /** SHA-256, hex, of the record's canonical form (RFC 8785) without this member. */
  readonly hash: string;
};
