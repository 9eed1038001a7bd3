import type { Client } from '@temporalio/client';
import { AegrailError, messageOf } from '../core/errors.ts';
import { runIdsOf } from '../core/run-ids.ts';

type History = Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['fetchHistory']>>;

/**
 * The histories of all runs that made a session's log, the first one first: one, unless the session was reset, or continued as new.
 *
 * @throws AegrailError LOG_INVALID when Temporal has not that of an earlier run any more; Temporal's own error when it has
 *   none of the last one
 */
export async function fetchHistories(client: Client, sessionId: string): Promise<History[]> {
  const last = await client.workflow.getHandle(sessionId).fetchHistory();
  return [...(await earlierThan(client, sessionId, last)), last];
}

async function earlierThan(client: Client, sessionId: string, history: History): Promise<History[]> {
  const { before, bases } = runIdsOf(history);
  const fetch = (runId: string): Promise<History> =>
    client.workflow
      .getHandle(sessionId, runId)
      .fetchHistory()
      .catch((thrown: unknown) => gone(sessionId, runId, thrown));
  const earlier: History[] = [];
  if (before !== '') {
    const continued = await fetch(before);
    earlier.push(...(await earlierThan(client, sessionId, continued)), continued);
  }
  for (const runId of bases) earlier.push(await fetch(runId));
  return earlier;
}

function gone(sessionId: string, runId: string, cause: unknown): never {
  const why = `The history of ${sessionId} is that of several runs, and that of ${runId} can not be read: ${messageOf(cause)}`;
  throw new AegrailError('LOG_INVALID', why, { cause });
}
