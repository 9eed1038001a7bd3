import { ActivityFailure, ApplicationFailure, CancelledFailure, TimeoutFailure } from '@temporalio/workflow';
import { TimeoutType } from '@temporalio/common';
import type { FailureDetails, Settled } from '../src/calls.ts';

/** What an activity's promise came to, as data. A failure of ours carries its details; Temporal's own are read here. */
export async function settle<Answer>(activity: Promise<Answer>): Promise<Settled<Answer>> {
  try {
    return { outcome: 'ok', answer: await activity };
  } catch (thrown) {
    return settledBy(thrown);
  }
}

/** What a failed activity says of itself, and in which words. */
export function failureOf(thrown: unknown): { readonly failure: FailureDetails; readonly message: string } {
  const settled = settledBy(thrown);
  const cause = thrown instanceof ActivityFailure ? thrown.cause : undefined;
  if (settled.outcome === 'ok') throw thrown;
  return { failure: settled.failure, message: cause?.message ?? settled.failure.code };
}

/** A call that ignored cancellation past the grace period. */
export function abandonedCall<Answer>(): Settled<Answer> {
  return { outcome: 'abandoned', failure: details('ABANDONED', 'maybe', false) };
}

/** A call that was not even scheduled. */
export function neverStarted(code: string): Exclude<Settled<never>, { outcome: 'ok' }> {
  return { outcome: 'not_started', failure: details(code, 'no', false) };
}

/** How a call ended, where the activity says so itself. A timeout and a lost connection leave it open whether it took effect. */
const SAID_SO: Readonly<Record<string, 'cancelled' | 'abandoned' | 'unknown' | undefined>> = {
  CANCELLED: 'cancelled',
  ABANDONED: 'abandoned',
  TIMEOUT: 'unknown',
  CONNECTION_LOST: 'unknown',
};

/** What a rejected activity came to. @throws whatever is not an activity's failure */
export function settledBy<Answer>(thrown: unknown): Settled<Answer> {
  if (thrown instanceof CancelledFailure) return cancelled(null);
  if (!(thrown instanceof ActivityFailure)) throw thrown;
  const { cause } = thrown;
  if (cause instanceof CancelledFailure) return cancelled(detailsOf(cause.details));
  if (cause instanceof TimeoutFailure) return timedOut(cause.timeoutType);
  if (cause instanceof ApplicationFailure) {
    const failure = detailsOf(cause.details) ?? details(cause.type ?? 'UNKNOWN', 'maybe', false);
    if (failure.started === 'no') return { outcome: 'not_started', failure };
    const known = SAID_SO[failure.code];
    if (known) return { outcome: known, failure };
    // A status that leaves open whether the provider worked (502, 504) leaves its end open too.
    const answered = failure.status !== null && failure.status < 400;
    return { outcome: failure.told || answered ? 'error' : 'unknown', failure };
  }
  return { outcome: 'unknown', failure: details('WORKER_LOST', 'maybe', true) };
}

function cancelled<Answer>(failure: FailureDetails | null): Settled<Answer> {
  if (failure?.started === 'no') return { outcome: 'not_started', failure };
  return { outcome: 'cancelled', failure: failure ?? details('CANCELLED', 'maybe', false) };
}

function timedOut<Answer>(type: TimeoutType | undefined): Settled<Answer> {
  if (type === TimeoutType.SCHEDULE_TO_START) {
    return { outcome: 'not_started', failure: details('NO_WORKER', 'no', false) };
  }
  // A worker that was killed: what it had started may have happened.
  if (type === TimeoutType.HEARTBEAT) return { outcome: 'unknown', failure: details('WORKER_LOST', 'maybe', true) };
  return { outcome: 'unknown', failure: details('TIMEOUT', 'maybe', true) };
}

function details(code: string, started: 'no' | 'maybe', retryable: boolean): FailureDetails {
  return { code, started, retryable, retryAfterMs: null, status: null, stored: false, told: null };
}

function detailsOf(found: unknown[] | undefined | null): FailureDetails | null {
  const first = found?.[0] as Partial<FailureDetails> | undefined;
  return first && typeof first.code === 'string' && (first.started === 'no' || first.started === 'maybe')
    ? { ...details(first.code, first.started, false), ...first }
    : null;
}
