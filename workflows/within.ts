import { CancellationScope, condition, sleep } from '@temporalio/workflow';

/**
 * Waits until something is so, for so long at most, under a timer that the Temporal UI shows by name.
 *
 * @returns whether it is so
 */
export async function within(isSo: () => boolean, ms: number, summary: string): Promise<boolean> {
  const timer = new CancellationScope({ cancellable: true });
  let isOver = false;
  timer
    .run(() => sleep(Math.max(1, ms), { summary }))
    .then(
      () => void (isOver = true),
      // Cancelled below.
      () => {},
    );
  await condition(() => isSo() || isOver);
  timer.cancel();
  return isSo();
}
