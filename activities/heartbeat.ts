import { Context } from '@temporalio/activity';

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

/** Aborts when the activity is cancelled, and a little before its start-to-close, so that we say ourselves what happened. */
export function callSignal(timeoutMs: number): { readonly signal: AbortSignal; readonly deadlineMs: number } {
  const { cancellationSignal, info } = Context.current();
  // What the server really enforces: an operator may have edited it since.
  const ownMs = Math.min(timeoutMs, info.startToCloseTimeoutMs ?? timeoutMs);
  const withinMs = Math.max(1, ownMs - Math.min(250, ownMs / 10));
  const signal = AbortSignal.any([cancellationSignal, AbortSignal.timeout(withinMs)]);
  return { signal, deadlineMs: Date.now() + withinMs };
}

/** Whether the activity itself was cancelled, by us, an operator or a worker that shuts down. */
export function wasCancelled(): boolean {
  return Context.current().cancellationSignal.aborted;
}
