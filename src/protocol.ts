/**
 * Every name and shape on the wire between clients and the session workflow. Types and constants only:
 * each room may import it.
 */
import type { ErrorCode } from './core/errors.ts';
import type { Ledger } from './core/ledger.ts';
import type { Principal } from './core/principal.ts';
import type { BudgetSnapshot } from './core/record-parts.ts';
import type { AuditRecord } from './core/record.ts';
import type { RefusalReason } from './core/refusals.ts';
import type { SessionPhase } from './core/searchable.ts';
import type { LimitsInput } from './core/start-input.ts';

/** Task queue that workers poll and clients start on, unless told otherwise. */
export const DEFAULT_TASK_QUEUE = 'aegrail';
/** Workflow type of a session. Its one argument is a {@link StartInput}. */
export const SESSION_WORKFLOW = 'agentSession';
/** Query that answers a {@link SessionView}; its optional argument is the first sequence number wanted. */
export const SESSION_QUERY = 'session';
/** Update and signal that say something to a session that goes on: a {@link MessageInput}. The update answers a {@link Reply}. */
export const SEND = 'send';
/** Signal and update that end a session that goes on, after the turn that runs. */
export const END = 'end';
/** Update and signal by which a person decides of a request: a {@link DecisionInput}. The update answers what came of it. */
export const DECIDE = 'decide';
/** Update and signal that pause a session, and let it go on: an {@link OperatorInput}. The updates answer a {@link PauseResult}. */
export const PAUSE = 'pause';
export const RESUME = 'resume';
/** Signal that has a session ask its store whether the kill switch is on. It says nothing itself. */
export const LOOK_AT_SWITCH = 'look_at_kill_switch';
/** Update and signal by which a person raises a budget: a {@link TopUpInput}. The update answers what is granted then. */
export const TOP_UP = 'topup';
/**
 * Update and signal by which a person moves the session to another contract of the store, between two steps: a
 * {@link MigrationInput}. The update answers a {@link MigrationResult}.
 */
export const MIGRATE = 'migrate';
/** Workflow type of an account, whose id is accountWorkflowId(name). It has no argument. */
export const ACCOUNT_WORKFLOW = 'budgetAccount';
/** Update that says what an account may spend: an AccountSetInput. It answers an AccountView. */
export const ACCOUNT_SET = 'set';
/** Update by which a worker leases for its sessions: a LeaseInput. It answers a LeaseOutput. */
export const ACCOUNT_LEASE = 'lease';
/** Signal that ends a session's lease: a SettleInput. */
export const ACCOUNT_SETTLE = 'settle';
/** Query that answers an AccountView; its optional argument is the first lease that is wanted. */
export const ACCOUNT_QUERY = 'account';
/** Sink through which a replay hands out the records that the workflow makes. */
export const RECORD_SINK = 'aegrailRecords';

/** Version of this package, as in the first record of every session. */
export const AEGRAIL_VERSION = '0.1.0';

/** How a session ended. */
export interface SessionResult {
  readonly sessionId: string;
  readonly principal: string;
  readonly outcome: 'answered' | 'killed' | 'cancelled' | 'failed';
  readonly answer: string | null;
  /** Reason of a kill, or code of a failure. */
  readonly reason: RefusalReason | ErrorCode | null;
  readonly why: string | null;
  readonly budget: BudgetSnapshot;
  readonly limits: LimitsInput;
  /** Records that the session has. */
  readonly records: number;
}

/** What came of something that was said to a session. */
export interface Reply {
  readonly messageId: string;
  /** `answered`, or how the session ended before it was. `again`: ask once more, under the same id; clients of ours do. */
  readonly outcome: SessionResult['outcome'] | 'again';
  readonly answer: string | null;
  readonly why: string | null;
  readonly budget: BudgetSnapshot;
}

/** A call that waits for people, as they are shown it. */
export interface WaitingApproval {
  readonly request: string;
  readonly tool: string;
  readonly callId: string;
  /** To be sent back with the decision: it is bound to just this call. */
  readonly digest: string;
  /** What the contract lets people see of the arguments. */
  readonly args: unknown;
  /** Which rule asks, in a sentence. */
  readonly why: string;
  /** USD that the session had used or reserved when it asked. */
  readonly usdUsed: number;
  readonly quorum: number;
  readonly approvedBy: readonly string[];
  readonly expiresAt: string;
}

/** What came of a decision. */
export interface DecisionResult {
  readonly request: string;
  readonly outcome: 'approved' | 'denied' | 'waiting';
  readonly approvedBy: readonly string[];
  readonly quorum: number;
}

/** What a pause or a resume came to. */
export interface PauseResult {
  readonly outcome: 'paused' | 'running';
  /** False: it was so before. */
  readonly changed: boolean;
  /** Who paused it and why; null where it runs, or no reason was given. */
  readonly by: string | null;
  readonly reason: string | null;
}

/** What came of a top-up. */
export interface TopUpResult {
  readonly outcome: 'raised';
  readonly limits: LimitsInput;
  readonly budget: BudgetSnapshot;
}

/** What a session is now: the answer of {@link SESSION_QUERY}. */
export interface SessionView {
  readonly sessionId: string;
  readonly principal: Principal;
  readonly model: string;
  readonly contractSha256: string;
  readonly ledger: Ledger;
  readonly budget: BudgetSnapshot;
  readonly limits: LimitsInput;
  /** What it does, in one word: the search attribute `AegrailState`. */
  readonly phase: SessionPhase;
  /** The same in words, for a person. */
  readonly doing: string;
  readonly approvals: readonly WaitingApproval[];
  readonly result: SessionResult | null;
  readonly nextSeq: number;
  /** The last records, or those from the sequence number that was asked for, as far as they are still at hand. */
  readonly records: readonly AuditRecord[];
}
