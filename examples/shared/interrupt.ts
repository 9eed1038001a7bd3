import process from 'node:process';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** A signal that comes again within this is the same key press: some parents repeat what the terminal has sent already. */
const SAME_PRESS_MS = 500;

/** What Ctrl-C and its like become: thrown out of whatever waits. */
export class Interrupted extends Error {
  /** As a shell counts: 128 and the signal's number. */
  readonly exitCode: number;

  constructor(signal: (typeof SIGNALS)[number]) {
    super(`ended by ${signal}`);
    this.exitCode = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 }[signal];
  }
}

/** Aborts on the first Ctrl-C, so that everything is cleaned up; a later one ends the process at once. */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  let firstAtMs = 0;
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      const reason = new Interrupted(signal);
      if (!controller.signal.aborted) firstAtMs = Date.now();
      else if (Date.now() - firstAtMs > SAME_PRESS_MS) process.exit(reason.exitCode);
      controller.abort(reason);
    });
  }
  return controller.signal;
}

/** A promise's value, unless the signal is first: then its reason is thrown. */
export async function unless<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
