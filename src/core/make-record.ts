import { agentIdentity, type Principal } from './principal.ts';
import { type AuditRecord, type EventName, type Events, RECORD_VERSION } from './record.ts';
import { type SessionState, snapshotOf, step } from './session-state.ts';

/** What the records of a session's run have in common. */
export interface SessionHeader {
  readonly sessionId: string;
  readonly principal: Pick<Principal, 'id' | 'agent' | 'version' | 'user'>;
  readonly runId: string;
}

/** When a record is made: the workflow's clock, and the event of its history. */
export interface Moment {
  readonly nowMs: number;
  readonly eventId: number;
}

/** Makes the next record of a session, and the state after it. Its `budget` is what the state comes to with it. */
export function makeRecord<E extends EventName>(
  header: SessionHeader,
  state: SessionState,
  event: E,
  payload: Events[E],
  { nowMs, eventId }: Moment,
): { readonly record: AuditRecord; readonly state: SessionState } {
  const { sessionId, principal, runId } = header;
  const unpriced = {
    v: RECORD_VERSION,
    ts: new Date(nowMs).toISOString(),
    seq: state.nextSeq,
    session_id: sessionId,
    run_id: runId,
    event_id: eventId,
    agent_identity: agentIdentity(principal.agent, principal.version),
    invoking_user: principal.user,
    principal: principal.id,
    event,
    payload,
  } as Omit<AuditRecord, 'budget'>;
  const next = step(state, unpriced);
  return { record: { ...unpriced, budget: snapshotOf(next.ledger, nowMs) } as AuditRecord, state: next };
}
