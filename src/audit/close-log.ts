import { lostCall, type Happened } from '../core/lost-call.ts';
import { makeRecord } from '../core/make-record.ts';
import type { AuditRecord } from '../core/record.ts';
import type { StoredLog } from '../core/stored-log.ts';
import type { Closing } from './closing.ts';

/**
 * The records that close a log whose session could not do it itself: what was in flight is posted at its worst case, then
 * `session_terminated` says how that is known. A function of log and closing alone, so that whoever does it again, or at the
 * same time, makes the same records.
 *
 * @param first the session's first record
 * @param closing how Temporal says that it ended; null when Temporal does not know it any more
 */
export function closeLog(first: AuditRecord, log: StoredLog, closing: Closing | null): readonly AuditRecord[] {
  const runId = closing?.runId ?? log.runId;
  const moment = {
    // Temporal's servers have clocks of their own.
    nowMs: Math.max(Date.parse(log.ts), closing?.closedMs ?? 0),
    eventId: closing?.eventId ?? log.eventId,
  };
  const header = { sessionId: first.session_id, principal: log.principal, runId };
  const records: AuditRecord[] = [];
  let { state } = log;
  const emit = ({ event, payload }: Happened): void => {
    const made = makeRecord(header, state, event, payload, moment);
    state = made.state;
    records.push(made.record);
  };
  if (runId !== log.runId) emit(takenUp(log, runId));
  for (const admission of log.inFlight) emit(lostCall(admission, moment.nowMs, 'SESSION_LOST'));
  emit({
    event: 'session_terminated',
    payload: {
      status: closing?.status ?? 'lost',
      known_by: closing ? 'history' : 'absence',
      closed_at: closing ? new Date(closing.closedMs).toISOString() : null,
      by: closing?.by ?? null,
      reason: closing?.reason ?? null,
      records: state.nextSeq + 1,
    },
  });
  return records;
}

/** A run that was reset, and ended before it made a record of its own. */
function takenUp(log: StoredLog, runId: string): Happened {
  const payload = {
    from_run_id: log.runId,
    to_run_id: runId,
    at_seq: log.state.nextSeq,
    in_flight: log.inFlight.length,
  };
  return { event: 'session_reset', payload };
}
