import type { FailureDetails } from '../src/calls.ts';
import type { Admitted } from './guard.ts';
import type { Runner } from './runner.ts';

/** Longest that the timer of the deadline is late. */
const STOP_COMES_MS = 5_000;

/**
 * Whether a call ended because the session's wall clock left it less than its own timeout. A call aborts a moment before
 * its time is up; here that was the session's, and the stopper is about to say so. It is waited for, so that nothing else
 * is begun in that moment, and paid for.
 */
export async function endedByDeadline(
  runner: Runner,
  { timeoutMs }: Pick<Admitted<unknown>, 'timeoutMs'>,
  { code }: Pick<FailureDetails, 'code'>,
  ownTimeoutMs: number,
): Promise<boolean> {
  if (code !== 'TIMEOUT' || timeoutMs >= ownTimeoutMs) return false;
  await runner.stopper.pause(runner.deadlineMs - Date.now() + STOP_COMES_MS);
  return runner.stopper.reason() !== null;
}
