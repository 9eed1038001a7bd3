import { type WorkflowHandle, WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { AegrailError, type ErrorCode } from '../core/errors.ts';
import { codeOf, readable } from './readable.ts';

/**
 * Sends a session an update, and waits for what came of it.
 *
 * @param ended the code of the error when the session is over
 * @throws AegrailError with the code that the session refused it with
 */
export async function updated<T extends { readonly outcome: string }>(
  handle: WorkflowHandle,
  name: string,
  arg: unknown,
  updateId: string,
  ended: ErrorCode,
): Promise<T> {
  try {
    return readable(handle, await handle.executeUpdate<T, [unknown]>(name, { args: [arg], updateId }), 'outcome');
  } catch (thrown) {
    if (thrown instanceof WorkflowUpdateFailedError && thrown.cause instanceof ApplicationFailure)
      throw new AegrailError(codeOf(thrown.cause.type), thrown.cause.message, { cause: thrown });
    return over(handle, thrown, ended);
  }
}

/** Temporal says "not found" of a workflow that is there, and closed. */
export async function over(handle: WorkflowHandle, thrown: unknown, ended: ErrorCode): Promise<never> {
  const found = isNotFound(thrown) ? await handle.describe().catch(() => null) : null;
  if (!found || found.status.name === 'RUNNING') throw thrown;
  throw new AegrailError(ended, `The session ${handle.workflowId} has ended.`, { cause: thrown });
}

/** gRPC's code for what is not there: the SDK says so in its own words, its services in the server's. */
const NOT_FOUND = 5;

/** Whether Temporal says that there is no such workflow, or none that runs. */
export function isNotFound(thrown: unknown): boolean {
  return thrown instanceof WorkflowNotFoundError || (thrown as { readonly code?: unknown } | null)?.code === NOT_FOUND;
}
