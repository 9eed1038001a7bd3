import { type Client, QueryNotRegisteredError, type WorkflowHandle } from '@temporalio/client';
import { AegrailError } from '../core/errors.ts';
import { SESSION_QUERY, type SessionView } from '../protocol.ts';
import { readable } from './readable.ts';

/**
 * Longest that a view is waited for. A query that waits long for a worker is not only of no use: a worker that starts then is
 * handed it with events that no workflow task has taken in, and takes them in at another moment than the history has
 * them (Temporal's SDK 1.24). So the fewer wait, the better.
 */
const VIEW_WITHIN_MS = 5_000;
/** By how much the server may be before us: its clock for a call is another, and it ends the call at the deadline too. */
const SERVER_EARLIER_MS = 100;
/** gRPC's codes. */
const CANCELLED = 1;
const DEADLINE_EXCEEDED = 4;

/** Asks a session for its view. @throws AegrailError SESSION_OPENING, SESSION_SILENT */
export async function viewOf(client: Client, handle: WorkflowHandle, fromSeq?: number): Promise<SessionView> {
  const { workflowId: id } = handle;
  const deadline = Date.now() + VIEW_WITHIN_MS;
  try {
    const view = await client.withDeadline(deadline, () =>
      handle.query<SessionView, [number?]>(SESSION_QUERY, fromSeq),
    );
    return readable(handle, view, 'principal');
  } catch (cause) {
    // Until a worker has given it its contract a session has no view.
    if (cause instanceof QueryNotRegisteredError)
      throw new AegrailError('SESSION_OPENING', `The session ${id} was not opened by a worker, or not yet.`, { cause });
    if (isTooLate(cause, Date.now() >= deadline - SERVER_EARLIER_MS))
      throw new AegrailError('SESSION_SILENT', `No worker answered for the session ${id} in time.`, { cause });
    throw cause;
  }
}

/**
 * Whether a call ended at its deadline, by the codes of the SDK's error or of what is below it. Who sees the deadline first ends
 * the call: this client with DEADLINE_EXCEEDED, the server by resetting the stream, which is CANCELLED.
 */
function isTooLate(thrown: unknown, isTimeUp: boolean): boolean {
  const { cause, code } = thrown as { readonly cause?: unknown; readonly code?: unknown };
  if (code === DEADLINE_EXCEEDED || (code === CANCELLED && isTimeUp)) return true;
  return cause instanceof Error && isTooLate(cause, isTimeUp);
}
