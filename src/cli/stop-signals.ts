/** A second signal within this time is the first one again: a terminal, npm and a parent each pass Ctrl-C on. */
const SAME_MS = 300;

/** Ctrl-C, SIGTERM and a closed terminal, as one signal to stop. */
export interface StopSignals {
  readonly signal: AbortSignal;
  /** Leaves the signals to Node again. */
  release(): void;
}

/** @param onAgain told of every further Ctrl-C: whoever presses it twice wants the end now */
export function listenForStop(onAgain: () => void): StopSignals {
  const controller = new AbortController();
  let firstAtMs = 0;
  const stop = (): void => {
    if (!controller.signal.aborted) {
      firstAtMs = performance.now();
      controller.abort();
    } else if (performance.now() - firstAtMs > SAME_MS) onAgain();
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, stop);
  return {
    signal: controller.signal,
    release() {
      for (const signal of signals) process.off(signal, stop);
    },
  };
}
