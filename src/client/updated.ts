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
  const found = thrown instanceof WorkflowNotFoundError ? await handle.describe().catch(() => null) : null;
  if (!found || found.status.name === 'RUNNING') throw thrown;
  throw new AegrailError(ended, `The session ${handle.workflowId} has ended.`, { cause: thrown });
}
