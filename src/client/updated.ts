import {
  isGrpcServiceError,
  type WorkflowHandle,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { AegrailError, type ErrorCode } from '../core/errors.ts';
import { hasEnded } from '../core/workflow-status.ts';
import { codeOf, readable } from './readable.ts';

/** How often an update is sent again that Temporal let fall, and the first wait. */
const RESENDS = 6;
const RESEND_MS = 50;
/** gRPC's FAILED_PRECONDITION: with it Temporal gives up updates whose workflow task failed, before they were accepted. */
const FAILED_PRECONDITION = 9;
/** What Temporal's server fails an update with that was accepted, when its workflow was terminated. */
const CUT_OFF = 'AcceptedUpdateCompletedWorkflow';

/**
 * Sends a session an update, and waits for what came of it. While a session goes on in another run Temporal may let an update
 * fall that was not accepted yet: it is sent again, under the same id.
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
  for (let attempt = 0; ; attempt++) {
    try {
      return readable(handle, await handle.executeUpdate<T, [unknown]>(name, { args: [arg], updateId }), 'outcome');
    } catch (thrown) {
      if (thrown instanceof WorkflowUpdateFailedError && thrown.cause instanceof ApplicationFailure) {
        if (thrown.cause.type === CUT_OFF)
          throw new AegrailError(
            'SESSION_LOST',
            `The session ${handle.workflowId} was ended from outside before it answered.`,
            {
              cause: thrown,
            },
          );
        throw new AegrailError(codeOf(thrown.cause.type), thrown.cause.message, { cause: thrown });
      }
      if (attempt === RESENDS || !(await wasLetFall(handle, thrown))) return over(handle, thrown, ended);
    }
    await new Promise((resolve) => setTimeout(resolve, RESEND_MS * 2 ** attempt));
  }
}

async function wasLetFall(handle: WorkflowHandle, thrown: unknown): Promise<boolean> {
  if (thrown instanceof WorkflowNotFoundError) return isRunning(handle);
  const { cause } = thrown as { readonly cause?: unknown };
  const code: number | null = isGrpcServiceError(cause) ? cause.code : null;
  return code === FAILED_PRECONDITION;
}

async function isRunning(handle: WorkflowHandle): Promise<boolean> {
  const found = await handle.describe().catch(() => null);
  return found !== null && !hasEnded(found.status.name);
}

/** Temporal says "not found" of a workflow that is there, and closed. */
export async function over(handle: WorkflowHandle, thrown: unknown, ended: ErrorCode): Promise<never> {
  const found = isNotFound(thrown) ? await handle.describe().catch(() => null) : null;
  if (!found || !hasEnded(found.status.name)) throw thrown;
  throw new AegrailError(ended, `The session ${handle.workflowId} has ended.`, { cause: thrown });
}

/** gRPC's code for what is not there: the SDK says so in its own words, its services in the server's. */
const NOT_FOUND = 5;

/** Whether Temporal says that there is no such workflow, or none that runs. */
export function isNotFound(thrown: unknown): boolean {
  return thrown instanceof WorkflowNotFoundError || (thrown as { readonly code?: unknown } | null)?.code === NOT_FOUND;
}
