/**
 * Every shape between the session workflow and its activities: calls, their answers, and what a failure says of itself.
 * Types and constants only: each room may import it.
 */
import type { Granted } from './core/account-calls.ts';
import type { Contract, Grant } from './core/contract.ts';
import type { Amounts } from './core/ledger.ts';
import type { Principal } from './core/principal.ts';
import type { Usage } from './core/price.ts';
import type { AgentOutcome, CallOutcome, ParentCall, WireFacts } from './core/record-parts.ts';
import type { AuditRecord } from './core/record.ts';
import type { Searchable } from './core/searchable.ts';
import type { Settlement } from './core/settlement.ts';
import type { StartInput } from './core/start-input.ts';
import type { StoredLog } from './core/stored-log.ts';
import type { SwitchedOn } from './core/switched-on.ts';

/** Code of a call that is refused because a session above its own has ended. */
export const PARENT_GONE = 'PARENT_GONE';

/** What the guard hands an activity: the right to run one admitted call, once. */
export interface Permit {
  readonly sessionId: string;
  /** Sequence number of the record that admitted the call. */
  readonly seq: number;
  readonly kind: 'model' | 'tool' | 'agent';
  /** SHA-256, hex, of the canonical form of `{ call, kind, salt }`. The same stands in the record. */
  readonly digest: string;
  /** Random for each session and in no record: a digest of guessable arguments can't be tried out from the log. */
  readonly salt: string;
  readonly untilMs: number;
  /** Sessions above this one, its parent last: while one of them has ended, nothing of this one runs. */
  readonly above?: readonly string[];
}

/** What a parent's record binds the session of a sub-agent to: its digest is over this, as that of any call. */
export interface AgentCall {
  /** The parent's contract. */
  readonly contractSha256: string;
  readonly tool: string;
  /** The session that may be started. */
  readonly session: string;
  readonly user: string;
  readonly task: string;
}

/** Asks what the session of a sub-agent came to. */
export interface SettleCall {
  readonly contractSha256: string;
  readonly session: string;
  /** Most bytes of its answer that are kept. */
  readonly maxBytes: number;
}

/** What the session of a sub-agent came to, from its own log. */
export type AgentSettled =
  | { readonly running: true }
  | {
      readonly running: false;
      readonly outcome: AgentOutcome;
      readonly reason: string | null;
      /** What it spent; what it had in flight when it was ended counts in full. Null: that is not known. */
      readonly used: Amounts | null;
      /** How often it, or one below it, called each tool, and was denied one. Absent where that is not known, and in older histories. */
      readonly calls?: Readonly<Record<string, number>>;
      readonly denied?: number;
      /** What the parent's model is told, kept in the store of the parent. */
      readonly told: { readonly ref: string; readonly bytes: number };
    };

/** The one argument of every activity: the call, its permit, and the records that must be durable before it runs. */
export interface Envelope<Call> {
  readonly call: Call;
  readonly permit: Permit | null;
  readonly records: readonly AuditRecord[];
}

/** Asks a worker for the contract of an agent. Runs nothing of the agent's. */
export interface OpenCall {
  readonly input: StartInput;
  readonly firstRunId: string;
}

/** What a run is told that found another past of its session in the store than its own. */
export interface Reloaded {
  /** The run that asked. The workflow itself can't know: a reset run replays under the id of the first. */
  readonly runId: string;
  /** Null when the store has nothing of the session. */
  readonly log: StoredLog | null;
  /** The session above it waits for it no more: it gets an end, and does nothing else. */
  readonly orphaned?: true;
}

export interface Opened {
  readonly contract: Contract;
  readonly contractSha256: string;
  readonly grant: Grant;
  /** Where the first message is kept. */
  readonly message: TranscriptItem;
  /** Bytes of instructions, tool declarations and first message: a bound of their tokens. */
  readonly promptBytes: number;
  /** The signed text that the worker accepted; null when it asks for none. */
  readonly authorization: string | null;
  /** What its accounts leased it where it begins. Absent: it is on none. */
  readonly leases?: readonly Granted[];
  /** Set when this run was reset to before the session began: it has a log, and goes on with it. */
  readonly resumed: { readonly runId: string; readonly log: StoredLog } | null;
  /**
   * The search attributes that the session may set: one that the namespace does not know would fail its workflow task for
   * ever. Absent in histories that are older.
   */
  readonly searchable?: readonly Searchable[];
  /** The session that started this one, and who is above it. Absent where a person started it. */
  readonly delegated?: DelegatedFrom;
  /** As in {@link Reloaded}. */
  readonly orphaned?: true;
}

/** Where a sub-agent's session is, below whom. */
export interface DelegatedFrom {
  readonly parent: ParentCall;
  /** Principals above it, the first ancestor first. */
  readonly chain: readonly string[];
  readonly depth: number;
  /** Sessions above it, its parent last. */
  readonly above: readonly string[];
  /** What rules counted above it when it was started. Absent in histories that are older. */
  readonly facts?: WireFacts;
}

/** What is new in a conversation since the last call of the model. Texts are in the store, under their SHA-256. */
export type TranscriptItem =
  | { readonly kind: 'user'; readonly ref: string; readonly bytes: number }
  | {
      readonly kind: 'tool_result';
      readonly callId: string;
      readonly tool: string;
      readonly ref: string;
      readonly bytes: number;
      readonly isError: boolean;
    }
  | { readonly kind: 'tool_refused'; readonly callId: string; readonly tool: string; readonly text: string }
  /** Said in a conversation. It came in with an update or a signal, and is kept with its turn. */
  | { readonly kind: 'said'; readonly text: string };

export interface ModelCall {
  readonly contractSha256: string;
  /** SHA-256 of the conversation so far, null at its start. */
  readonly transcript: string | null;
  readonly append: readonly TranscriptItem[];
  /** A summary of the conversation, asked for by its last item; absent: the next turn. No tool is called for a summary. */
  readonly purpose?: 'summary';
  readonly maxOutputTokens: number;
  /** What the reservation allows: a count above it is impossible. */
  readonly inputBoundTokens: number;
  readonly timeoutMs: number;
}

/** A tool call that a model asked for. `args` is what its JSON says; `problem` why it says nothing. */
export interface AskedCall {
  readonly id: string;
  readonly tool: string;
  readonly args: unknown;
  readonly problem: string | null;
}

/** Every answer says so when the records that rode along are not in the store: only with audit `best_effort`. */
interface Answer {
  readonly unstored?: true;
}

export interface ModelAnswer extends Answer {
  /** SHA-256 of the conversation with this answer. */
  readonly transcript: string;
  readonly text: string;
  readonly asked: readonly AskedCall[];
  readonly finishReason: string;
  /** What the provider counted. Null when it did not say. */
  readonly usage: Usage | null;
  /** Why its count can not be. */
  readonly usageProblem: string | null;
  /** Where the summary is kept that was asked for; absent when none was, or nothing was answered. */
  readonly summary?: { readonly ref: string; readonly bytes: number };
}

export interface ToolCall {
  readonly contractSha256: string;
  readonly tool: string;
  readonly args: unknown;
  readonly callId: string;
  readonly principal: Pick<Principal, 'id' | 'user'>;
  readonly idempotencyKey: string | null;
  readonly timeoutMs: number;
}

export interface ToolAnswer extends Answer {
  readonly ref: string;
  readonly bytes: number;
  readonly isError: boolean;
  /** The text itself, when the contract shows results. */
  readonly shown: string | null;
}

/** Appends records without calling anything: at a session's end, or when many have piled up. */
export interface AppendCall {
  readonly contractSha256: string;
  /** With the last record of a session that is on accounts: what they are told. */
  readonly settle?: Settlement;
}

/** First detail of an activity's ApplicationFailure: all that the guard needs to settle and to decide on a retry. */
export interface FailureDetails {
  readonly code: string;
  /** Whether the call reached the outside: `no` voids the reservation, anything else posts it. */
  readonly started: 'no' | 'maybe';
  readonly retryable: boolean;
  readonly retryAfterMs: number | null;
  readonly status: number | null;
  /** Whether the records that rode along are in the store. */
  readonly stored: boolean;
  /** For a tool: what the model is told, kept in the store. */
  readonly told: { readonly ref: string; readonly bytes: number } | null;
  /** The kill switch that stops the session. */
  readonly switchedOn?: SwitchedOn;
}

/** What the guard knows of a call that ended. */
export type Settled<Answer> =
  | { readonly outcome: 'ok'; readonly answer: Answer }
  | { readonly outcome: Exclude<CallOutcome, 'ok'>; readonly failure: FailureDetails };
