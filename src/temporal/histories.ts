import type { Client } from '@temporalio/client';
import { AegrailError, messageOf } from '../core/errors.ts';
import { runIdsOf } from '../core/run-ids.ts';

type History = Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['fetchHistory']>>;

/**
 * The histories of all runs that made a session's log, the first one first: one, unless the session was reset.
 *
 * @throws AegrailError LOG_INVALID when Temporal has not that of an earlier run any more; Temporal's own error when it has
 *   none of the last one
 */
export async function fetchHistories(client: Client, sessionId: string): Promise<History[]> {
  const last = await client.workflow.getHandle(sessionId).fetchHistory();
  const earlier: History[] = [];
  for (const runId of runIdsOf(last).bases) {
    const history = await client.workflow
      .getHandle(sessionId, runId)
      .fetchHistory()
      .catch((thrown: unknown) => gone(sessionId, runId, thrown));
    earlier.push(history);
  }
  return [...earlier, last];
}

function gone(sessionId: string, runId: string, cause: unknown): never {
  const why = `The session ${sessionId} was reset, and the history of its run ${runId} can not be read: ${messageOf(cause)}`;
  throw new AegrailError('LOG_INVALID', why, { cause });
}
