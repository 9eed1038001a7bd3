import { Context } from '@temporalio/activity';
import { AegrailError, messageOf } from '../src/core/errors.ts';
import { foldLog } from '../src/core/stored-log.ts';
import type { Reloaded } from '../src/calls.ts';
import type { Store } from '../src/store/store.ts';
import { isOrphaned } from './delegation.ts';
import { callFailure } from './failure.ts';

/** Tells a run that was reset what its session has done and spent, from the store. */
export async function reloadSession(store: Store): Promise<Reloaded> {
  const { workflowId, runId } = Context.current().info.workflowExecution ?? { workflowId: '', runId: '' };
  try {
    const log = await foldLog(store.records(workflowId));
    return { runId, log, ...((await isOrphaned(store, log)) ? { orphaned: true } : {}) };
  } catch (thrown) {
    const isRefused = thrown instanceof AegrailError && thrown.code === 'DELEGATION_REFUSED';
    if (isRefused) throw callFailure(thrown.code, thrown.code, thrown.message, { started: 'no' });
    throw callFailure('AUDIT_UNAVAILABLE', 'STORE_FAILED', messageOf(thrown), { started: 'no', retryable: true });
  }
}
