import { ActivityCancellationType, proxyActivities } from '@temporalio/workflow';

interface BareActivities {
  lookup(args: { readonly id: string }): Promise<{ readonly id: string; readonly status: string }>;
}

/** The same calls without aegrail: a plain workflow and activity, with the activity options that the guard uses. */
export async function bareCalls(calls: number): Promise<number> {
  const { lookup } = proxyActivities<BareActivities>({
    startToCloseTimeout: 60_000,
    scheduleToCloseTimeout: 3_600_000,
    heartbeatTimeout: 10_000,
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: { maximumAttempts: 1 },
    summary: 'tool lookup_order',
  });
  for (let index = 0; index < calls; index++) await lookup({ id: `order_${index}` });
  return calls;
}
