import type { CallOutcome, Delegated, ParentCall, WireAmounts, WireFacts, WireLimits } from '../core/record-parts.ts';
import type { AuditRecord, Events } from '../core/record.ts';
import { handDown } from '../core/session-facts.ts';
import { type SessionState, wireFacts } from '../core/session-state.ts';

/** What is kept of a session, to compare it with those that it works for and those that work for it. */
export interface Kin {
  /** Records that were folded without a fault. */
  folded: number;
  /** Null: it works for nobody. */
  below: Below | null;
  /** Calls of other agents, by the record that admitted them. Null: there was none. */
  delegations: Map<number, Delegation> | null;
}

/** A session that works for another one. */
export interface Below {
  readonly parent: ParentCall;
  readonly chain: readonly string[];
  readonly above: WireFacts | undefined;
  readonly limits: WireLimits;
  /** After its last record. */
  state: SessionState;
  /** Its last record is its own end, and not one that was made for it. */
  endedItself: boolean;
}

/** A call of another agent, as the session that made it has it. */
export interface Delegation {
  readonly agent: Delegated;
  /** Of the session that made it. */
  readonly principal: string;
  readonly depth: number;
  /** What it handed down. */
  readonly facts: WireFacts;
  end: DelegationEnd | null;
}

/** What a session says that another one came to. */
export interface DelegationEnd {
  readonly outcome: CallOutcome;
  readonly posted: WireAmounts;
  readonly agent: Events['tool_call']['agent'];
}

/** Of a session that has no record yet. */
export function newKin(): Kin {
  return { folded: 0, below: null, delegations: null };
}

/**
 * Takes in a record of a session.
 *
 * @param state after that record
 */
export function takeRecord(kin: Kin, record: AuditRecord, state: SessionState): void {
  kin.folded = state.nextSeq;
  switch (record.event) {
    case 'session_started': {
      const { parent, chain = [], above, limits } = record.payload;
      if (parent) kin.below = { parent, chain, above, limits, state, endedItself: false };
      break;
    }
    case 'tool_admitted': {
      const { agent } = record.payload;
      if (!agent) break;
      const facts = wireFacts(handDown(state, record.seq));
      kin.delegations ??= new Map();
      const { principal } = record;
      kin.delegations.set(record.seq, { agent, principal, depth: state.ledger.depth, facts, end: null });
      break;
    }
    case 'tool_call': {
      const { reservation, outcome, posted, agent } = record.payload;
      const delegation = kin.delegations?.get(reservation);
      if (delegation) delegation.end = { outcome, posted, agent };
      break;
    }
    default:
  }
  if (!kin.below) return;
  kin.below.state = state;
  kin.below.endedItself = record.event === 'session_ended';
}
