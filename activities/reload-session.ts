import { Context } from '@temporalio/activity';
import { AegrailError, messageOf } from '../src/core/errors.ts';
import { foldLog } from '../src/core/stored-log.ts';
import type { Reloaded } from '../src/calls.ts';
import type { Store } from '../src/store/store.ts';
import { refuseUnlessWaitedFor } from './delegation.ts';
import { callFailure } from './failure.ts';

/** Tells a run that was reset what its session has done and spent, from the store. */
export async function reloadSession(store: Store): Promise<Reloaded> {
  const { workflowId, runId } = Context.current().info.workflowExecution ?? { workflowId: '', runId: '' };
  await refuseUnlessWaitedFor(store, await store.record(workflowId, 0)).catch(refusedOrUnavailable);
  const log = await foldLog(store.records(workflowId)).catch(refusedOrUnavailable);
  return { runId, log };
}

function refusedOrUnavailable(thrown: unknown): never {
  const isRefused = thrown instanceof AegrailError && thrown.code === 'DELEGATION_REFUSED';
  if (isRefused) throw callFailure(thrown.code, thrown.code, thrown.message, { started: 'no' });
  throw callFailure('AUDIT_UNAVAILABLE', 'STORE_FAILED', messageOf(thrown), { started: 'no', retryable: true });
}
