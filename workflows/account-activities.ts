import { ActivityCancellationType, proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import type { AccountWindow, FoundHolder } from '../src/core/account-book.ts';
import type { HoldersCall, WindowCall } from '../src/core/account-calls.ts';
import { HEARTBEAT_TIMEOUT_MS, seal } from './proxies.ts';
import { settle } from './settle.ts';

const TIMEOUT_MS = 30_000;
const LOOK_TIMEOUT_MS = 600_000;

/** When a window begins and ends. An account waits for a worker as long as need be. Null: there is no such time zone. */
export async function windowFor(call: WindowCall): Promise<AccountWindow | null> {
  const { accountWindow } = proxyActivities<Activities>({
    startToCloseTimeout: TIMEOUT_MS,
    cancellationType: ActivityCancellationType.TRY_CANCEL,
    // It neither spends nor writes anything: Temporal may try again as often as it likes.
    retry: { maximumInterval: '1 minute' },
    summary: `the ${call.per} in ${call.timeZone}`,
  });
  const settled = await settle(accountWindow(seal({ call, permit: null, records: [] })));
  return settled.outcome === 'ok' ? settled.answer : null;
}

/** What sessions are found to be whose leases expired. */
export async function foundOf(call: HoldersCall): Promise<readonly FoundHolder[]> {
  const { lookAtHolders } = proxyActivities<Activities>({
    startToCloseTimeout: LOOK_TIMEOUT_MS,
    // The account does nothing else meanwhile, not even begin its next window: a worker that was killed is not waited for.
    heartbeatTimeout: HEARTBEAT_TIMEOUT_MS,
    cancellationType: ActivityCancellationType.TRY_CANCEL,
    retry: { maximumAttempts: 3 },
    summary: `look at ${call.holders.length} sessions`,
  });
  const settled = await settle(lookAtHolders(seal({ call, permit: null, records: [] })));
  if (settled.outcome === 'ok') return settled.answer;
  return call.holders.map((holder) => ({ ...holder, state: 'unknown', used: null }));
}
