import { Context } from '@temporalio/activity';
import { messageOf } from '../src/core/errors.ts';
import { foldLog } from '../src/core/stored-log.ts';
import type { Reloaded } from '../src/protocol.ts';
import type { Store } from '../src/store/store.ts';
import { callFailure } from './failure.ts';

/** Tells a run that was reset what its session has done and spent, from the store. */
export async function reloadSession(store: Store): Promise<Reloaded> {
  const { workflowId, runId } = Context.current().info.workflowExecution ?? { workflowId: '', runId: '' };
  const log = await foldLog(store.records(workflowId)).catch((thrown: unknown) => {
    throw callFailure('AUDIT_UNAVAILABLE', 'STORE_FAILED', messageOf(thrown), { started: 'no', retryable: true });
  });
  return { runId, log };
}
