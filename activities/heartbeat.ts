import { Context } from '@temporalio/activity';
import type { ErrorCode } from '../src/core/errors.ts';
import { callFailure } from './failure.ts';

/** Heartbeats carry cancellation to the activity, and tell the server that the worker lives. */
const HEARTBEAT_EVERY_MS = 1_000;

/** Heartbeats while the work runs. */
export async function withHeartbeat<T>(work: () => Promise<T>): Promise<T> {
  const context = Context.current();
  const timer = setInterval(() => context.heartbeat(), HEARTBEAT_EVERY_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}

/** A call's signal, and when it comes by itself. */
export interface CallSignal {
  readonly signal: AbortSignal;
  /** When the signal comes at the latest; milliseconds since the epoch. */
  readonly deadlineMs: number;
  /** How long a call that does not listen may then be waited for: half of what is left until its start-to-close. */
  readonly graceMs: number;
}

/** Aborts when the activity is cancelled, and a little before its start-to-close, so that we say ourselves what happened. */
export function callSignal(timeoutMs: number): CallSignal {
  const { cancellationSignal, info } = Context.current();
  // What the server really enforces: an operator may have edited it since.
  const ownMs = Math.min(timeoutMs, info.startToCloseTimeoutMs ?? timeoutMs);
  const marginMs = Math.min(500, ownMs / 5);
  // Whole milliseconds: AbortSignal.timeout throws at anything else.
  const withinMs = Math.max(1, Math.floor(ownMs - marginMs));
  const signal = AbortSignal.any([cancellationSignal, AbortSignal.timeout(withinMs)]);
  return { signal, deadlineMs: Date.now() + withinMs, graceMs: marginMs / 2 };
}

/** Whether the activity itself was cancelled, by us, an operator or a worker that shuts down. */
export function wasCancelled(): boolean {
  return Context.current().cancellationSignal.aborted;
}

/** Before a call begins: one that was cancelled while it waited for the store does not. @throws ApplicationFailure CANCELLED */
export function refuseCancelled(type: ErrorCode): void {
  if (!wasCancelled()) return;
  throw callFailure(type, 'CANCELLED', 'The call was cancelled before it began.', { started: 'no', retryable: true });
}
