import { type Fault, faultOf } from '../core/faults.ts';
import { type ChainedRecord, RECORD_VERSION } from '../core/record.ts';

/** What a session's records have in common. `session_id` is what makes them records of one session. */
const IDENTITY = ['agent_identity', 'invoking_user', 'principal'] as const;

/** What is kept of a record to check the next one of its session. */
export type Last = Pick<ChainedRecord, 'ts' | 'run_id' | 'event_id' | (typeof IDENTITY)[number]>;

/**
 * Why a record of a right form does not go on where the session's last one of version 1 was, or null. Times are compared as
 * text: they have one form. Within a run the workflow's clock never goes back: Temporal's core keeps the later time.
 *
 * @param last null before the first record of version 1
 */
export function continuityFault(record: ChainedRecord, last: Last | null, known: boolean): Fault | null {
  if (record.v !== RECORD_VERSION) return null;
  if (known && record.event === 'session_started' && record.payload.workflow_id !== record.session_id)
    return faultOf('wrong_workflow', 'workflow_id is not session_id');
  if (last === null) return null;
  const other = IDENTITY.find((member) => record[member] !== last[member]);
  if (other) return faultOf('other_identity', `${other} is not that of the records before it`);
  if (record.ts < last.ts) return faultOf('time_went_back', 'ts is before that of the record before it');
  return runFault(record, last, known);
}

/** Only a reset and a continuation hand a log over to another run; within a run the events of its history come one after the other. */
function runFault(record: ChainedRecord, last: Last, known: boolean): Fault | null {
  if (known && (record.event === 'session_reset' || record.event === 'session_continued')) {
    const { from_run_id, to_run_id } = record.payload;
    if (from_run_id === to_run_id) return faultOf('wrong_run', 'it hands the log over from a run to itself');
    return from_run_id === last.run_id && to_run_id === record.run_id
      ? null
      : faultOf('wrong_run', 'it hands the log over from or to another run than the records before and after it');
  }
  // What is not known here may hand it over too.
  if (!known) return null;
  if (record.run_id !== last.run_id) return faultOf('wrong_run', 'run_id is not that of the record before it');
  if (record.event_id >= last.event_id) return null;
  return faultOf('event_went_back', 'event_id is below that of the record before it');
}

/** What the next record is compared with. */
export function lastOf(record: ChainedRecord, before: Last | null): Last | null {
  if (record.v !== RECORD_VERSION) return before;
  const { ts, run_id, event_id, agent_identity, invoking_user, principal } = record;
  return { ts, run_id, event_id, agent_identity, invoking_user, principal };
}
