import type { AuditRecord } from '../core/record.ts';
import { foldRecords } from '../core/stored-log.ts';
import { closeLog } from './close-log.ts';
import type { Closing } from './closing.ts';

/** What one run made. */
export interface RunRecords {
  readonly runId: string;
  /** In order; those too that it took back when it learnt that it was reset. */
  readonly made: readonly AuditRecord[];
  /** How the run was closed; null when it was not. */
  readonly closing: Closing | null;
}

/**
 * The records of a session from those of its runs. A run that was reset makes the records before the reset again, takes back
 * what it made after it, and goes on with `session_reset`, after what the store had of the runs before it. One that was ended
 * before that adds nothing: nothing of what it decided ran.
 *
 * @param runs the first one first
 */
export function joinRuns(runs: readonly RunRecords[]): AuditRecord[] {
  const [first, ...others] = runs;
  let log = [...(first?.made ?? [])];
  let closing = first?.closing ?? null;
  for (const run of others) {
    const from = run.made.findLastIndex(({ event, run_id }) => isTakeOver(event) && run_id === run.runId);
    const taken = run.made[from];
    if (taken) {
      // Something that no history has stood before it: the run was closed by `reconcile`, and reset then.
      if (taken.seq > log.length) log = closeRecords(log, closing);
      log = [...log.slice(0, taken.seq), ...run.made.slice(from)];
    }
    closing = run.closing;
  }
  return log;
}

/** A session's records with those that `reconcile` adds when the session could not end its log itself. */
export function closeRecords(records: readonly AuditRecord[], closing: Closing | null): AuditRecord[] {
  const [first] = records;
  const log = foldRecords(records);
  if (!first || !log || log.state.ended) return [...records];
  return [...records, ...closeLog(first, log, closing)];
}

/** What a run begins its own records with. */
function isTakeOver(event: AuditRecord['event']): boolean {
  return event === 'session_reset' || event === 'session_continued' || event === 'session_started';
}
