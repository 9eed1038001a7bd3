import type { Client, WorkflowHandle } from '@temporalio/client';
import { AegrailError } from '../core/errors.ts';
import { END } from '../protocol.ts';
import { wasStartedAsConversation } from './started-with.ts';
import { over } from './updated.ts';

/** Ends a conversation, after the turn that runs. @throws AegrailError SESSION_ENDED, END_REFUSED */
export async function endOf(client: Client, handle: WorkflowHandle): Promise<void> {
  if ((await wasStartedAsConversation(client, handle)) === false) {
    await refuseEnded(handle);
    throw new AegrailError(
      'END_REFUSED',
      `The session ${handle.workflowId} is no conversation: it ends by itself, with its answer. To stop it: aegrail cancel ${handle.workflowId}`,
    );
  }
  try {
    await handle.signal(END);
  } catch (thrown) {
    await over(handle, thrown, 'SESSION_ENDED');
  }
}

/**
 * Cancels a session. The SDK's own cancel takes no reason. Temporal has it as plain text, which no codec sees.
 *
 * @throws AegrailError SESSION_ENDED
 */
export async function cancelOf(client: Client, handle: WorkflowHandle, reason: string | undefined): Promise<void> {
  const { payloadCodecs } = client.options.loadedDataConverter;
  // Temporal takes the request of a workflow that has just been closed, and does nothing.
  await refuseEnded(handle);
  try {
    await client.workflowService.requestCancelWorkflowExecution({
      namespace: client.options.namespace,
      workflowExecution: { workflowId: handle.workflowId },
      identity: client.options.identity,
      requestId: globalThis.crypto.randomUUID(),
      reason: reason !== undefined && payloadCodecs.length === 0 ? reason : 'aegrail cancel',
    });
  } catch (thrown) {
    await over(handle, thrown, 'SESSION_ENDED');
  }
}

async function refuseEnded(handle: WorkflowHandle): Promise<void> {
  const { closeTime } = await handle.describe();
  if (closeTime) throw new AegrailError('SESSION_ENDED', `The session ${handle.workflowId} has ended.`);
}
