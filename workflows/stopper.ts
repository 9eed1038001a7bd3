import { CancellationScope, isCancellation, sleep } from '@temporalio/workflow';
import type { SwitchedOn } from '../src/core/switched-on.ts';

/** Why everything in flight is stopped. */
export type StopReason = 'cancelled' | 'wall_seconds' | 'kill_switch';

/** Longest that a cancelled call is waited for. */
export const GRACE_MS = 5_000;

/** Stops what is in flight: at the deadline, when the workflow is cancelled, and when the kill switch is on. */
export interface Stopper {
  reason(): StopReason | null;
  /** The kill switch is on: everything is stopped by it, unless it is being stopped already. */
  readonly kill: (found: SwitchedOn) => void;
  /** The session above this one has ended: everything is stopped, as by a cancellation. */
  readonly orphaned: () => void;
  /** The switch, where that was the reason. */
  killedBy(): SwitchedOn | null;
  /**
   * Tells, a grace period after the stop or at once if it is over, whoever still waits: what did not listen is abandoned.
   * Returns how to forget it.
   */
  readonly onAbandoned: (listener: () => void) => () => void;
  /** Starts something that is cancelled by a stop. */
  readonly run: <T>(work: () => Promise<T>) => Promise<T>;
  /** Waits, and is cut short by a stop: false then. */
  readonly pause: (ms: number) => Promise<boolean>;
  /** Moves the deadline: what is left of the wall clock. */
  until(untilDeadlineMs: number): void;
  /** Ends the timer of the deadline: the session is over. */
  release(): void;
}

/**
 * @param root the workflow's root scope: it hears of a cancellation
 * @param untilDeadlineMs what is left of the wall clock
 * @param onStop told once, before anything is cancelled
 */
export function createStopper(
  root: CancellationScope,
  untilDeadlineMs: number,
  onStop: (reason: StopReason, killedBy: SwitchedOn | null) => void,
): Stopper {
  const scope = new CancellationScope({ cancellable: true });
  let timer = new CancellationScope({ cancellable: true });
  let reason: StopReason | null = null;
  let killedBy: SwitchedOn | null = null;
  const stop = (why: StopReason): void => {
    if (reason) return;
    reason = why;
    onStop(why, killedBy);
    scope.cancel();
    // Whoever stops it may be in a scope that a cancellation reaches: this goes on then, too.
    void CancellationScope.nonCancellable(abandon);
  };
  const waiting = new Set<() => void>();
  let isAbandoned = false;
  const abandon = async (): Promise<void> => {
    await sleep(GRACE_MS, { summary: 'grace period of what was cancelled' });
    isAbandoned = true;
    for (const listener of waiting) listener();
  };
  const arm = (ms: number): void => {
    const deadline = timer.run(() => sleep(Math.max(1, ms), { summary: 'deadline of the session' }));
    void ignoringRelease(deadline).then(() => stop('wall_seconds'));
  };
  // Asked to cancel before there was anything to stop: then nothing may start.
  if (root.consideredCancelled) stop('cancelled');
  root.cancelRequested.catch(() => stop('cancelled'));
  arm(untilDeadlineMs);
  return {
    reason: () => reason,
    kill(found) {
      if (reason) return;
      killedBy = found;
      stop('kill_switch');
    },
    orphaned: () => stop('cancelled'),
    killedBy: () => killedBy,
    onAbandoned(listener) {
      // Who begins to wait later than that must not wait for ever.
      if (isAbandoned) listener();
      else waiting.add(listener);
      return () => void waiting.delete(listener);
    },
    run: (work) => scope.run(work),
    async pause(ms) {
      try {
        await scope.run(() => sleep(ms, { summary: 'before the next try' }));
        return true;
      } catch (thrown) {
        if (isCancellation(thrown)) return false;
        throw thrown;
      }
    },
    until(ms) {
      timer.cancel();
      timer = new CancellationScope({ cancellable: true });
      arm(ms);
    },
    release: () => timer.cancel(),
  };
}

/** A released timer never stops anything: its promise stays open. */
function ignoringRelease<T>(promise: Promise<T>): Promise<T> {
  return promise.catch((thrown: unknown) => {
    if (isCancellation(thrown)) return new Promise<T>(() => {});
    throw thrown;
  });
}
