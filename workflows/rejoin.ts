import { ApplicationFailure, sleep } from '@temporalio/workflow';
import { lostCall } from '../src/core/lost-call.ts';
import { emptyState } from '../src/core/session-state.ts';
import type { StoredLog } from '../src/core/stored-log.ts';
import type { Reloaded } from '../src/calls.ts';
import { cancelAgent } from './cancel-agent.ts';
import type { Journal } from './journal.ts';
import { runReload } from './proxies.ts';
import { backoffMs } from './retry.ts';
import { settle } from './settle.ts';

/** Most tries of reading the stored log: with their waits some hours. */
const RELOAD_ATTEMPTS = 300;

/**
 * Thrown where the store has other records of this session than this run made: it was reset in Temporal. What it has
 * decided since counts for nothing; it goes on with the log that there is.
 */
export class LogMoved extends Error {
  constructor() {
    super('The store has other records of this session than this run made.');
    this.name = 'LogMoved';
  }
}

/**
 * Goes on with the log that the store has: everything that any run of this session spent stays spent.
 *
 * @param start makes the session's first record, should the store have none
 * @returns SHA-256 of the contract that its log names, null when the store has none; the run that its log begins with, null when
 *   that is not known; and whether the session above it waits for it no more
 * @throws ApplicationFailure AUDIT_FORK when those records are this run's own: then it was no reset, somebody forged them
 */
export async function rejoin(
  journal: Journal,
  contractSha256: string,
  start: () => void,
): Promise<{ readonly heldTo: string | null; readonly begunBy: string | null; readonly orphaned: boolean }> {
  const { runId, log, orphaned = false } = await reload(contractSha256);
  if (log?.runId === runId) {
    const why = 'The store has other records of this run than it made: its log was forged.';
    throw ApplicationFailure.nonRetryable(why, 'AUDIT_FORK');
  }
  if (log) {
    takeOver(journal, runId, log);
    return { heldTo: log.contractSha256, begunBy: log.begunBy ?? null, orphaned };
  }
  journal.rejoin(emptyState(), runId);
  start();
  return { heldTo: null, begunBy: runId, orphaned };
}

/** Takes a stored log over: says so in a record, and posts what was in flight at its worst case. */
export function takeOver(journal: Journal, runId: string, log: StoredLog): void {
  const atSeq = journal.rejoin(log.state, runId, log.principal);
  journal.emit('session_reset', {
    from_run_id: log.runId,
    to_run_id: runId,
    at_seq: Math.min(atSeq, log.state.nextSeq),
    in_flight: log.inFlight.length,
  });
  for (const admission of log.inFlight) {
    // All that it was given is posted: what it goes on to spend is paid, and nobody hears its answer.
    if (admission.event === 'tool_admitted' && admission.payload.agent)
      void cancelAgent(admission.payload.agent.session_id);
    const { event, payload } = lostCall(admission, Date.now(), 'SESSION_RESET');
    journal.emit(event, payload);
  }
}

async function reload(contractSha256: string): Promise<Reloaded> {
  for (let attempt = 1; ; attempt++) {
    const settled = await settle(runReload({ call: { contractSha256 }, permit: null, records: [] }));
    if (settled.outcome === 'ok') return settled.answer;
    const waitMs = backoffMs(settled.failure, attempt, RELOAD_ATTEMPTS);
    if (settled.failure.code === 'DELEGATION_REFUSED') {
      const why = 'This run was reset, and the session above it does not wait for it any more.';
      throw ApplicationFailure.nonRetryable(why, 'DELEGATION_REFUSED');
    }
    if (waitMs === null) {
      const why = 'This run was reset, and the store that knows what was spent can not be read.';
      throw ApplicationFailure.nonRetryable(why, 'AUDIT_UNAVAILABLE');
    }
    await sleep(waitMs, { summary: 'before reading the stored log again' });
  }
}
