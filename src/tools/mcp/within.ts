/** What came first: the promise's end, the signal or the time. */
export type Within<T> =
  | { readonly kind: 'value'; readonly value: T }
  | { readonly kind: 'error'; readonly error: unknown }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'timeout' };

/** Longest delay that setTimeout takes; it fires at once for more. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** Waits for a promise no longer than the signal and the time allow. The promise itself goes on: others may wait for it too. */
export function within<T>(promise: Promise<T>, signal: AbortSignal, timeoutMs: number): Promise<Within<T>> {
  return new Promise((resolve) => {
    const settle = (outcome: Within<T>): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      resolve(outcome);
    };
    const onAbort = (): void => settle({ kind: 'cancelled' });
    const timer = setTimeout(() => settle({ kind: 'timeout' }), Math.min(Math.max(0, timeoutMs), MAX_TIMER_MS));
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    promise.then(
      (value) => settle({ kind: 'value', value }),
      (error: unknown) => settle({ kind: 'error', error }),
    );
  });
}
