import { getExternalWorkflowHandle } from '@temporalio/workflow';

/** Has a session stop. It may have ended by now. */
export async function cancelAgent(session: string): Promise<void> {
  await getExternalWorkflowHandle(session)
    .cancel()
    .catch(() => {});
}
