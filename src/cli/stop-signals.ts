import { isTerminalGone, usesTerminal } from './controlling-terminal.ts';

/** A second signal within this time is the first one again: a terminal, npm and a parent each pass Ctrl-C on. */
const SAME_MS = 300;

/** Ctrl-C, SIGTERM and a closed terminal, as one signal to stop. */
export interface StopSignals {
  readonly signal: AbortSignal;
  /** Leaves the signals to Node again. */
  release(): void;
}

/** For a process that serves: the signals to stop, and SIGHUP, by which logrotate and the like ask for files anew. */
export interface ServingSignals extends StopSignals {
  /** Aborted to stop. A SIGHUP stops only when it comes because the terminal was closed. */
  readonly signal: AbortSignal;
  /** Who is told of a SIGHUP from now on. Until then there is nothing open, and it is ignored. */
  onHangUp(listener: () => void): void;
}

/** @param onAgain told of every further Ctrl-C: whoever presses it twice wants the end now */
export function listenForStop(onAgain: () => void): StopSignals {
  const { signal, stop } = stopper(onAgain);
  return { signal, release: listen({ SIGINT: stop, SIGTERM: stop, SIGHUP: stop }) };
}

/** As {@link listenForStop}, for a process that keeps files open. */
export function listenWhileServing(onAgain: () => void): ServingSignals {
  const { signal, stop } = stopper(onAgain);
  const hadTerminal = usesTerminal();
  let onHangUp = (): void => undefined;
  const hangUp = (): void => {
    if (hadTerminal && isTerminalGone()) stop();
    else onHangUp();
  };
  return {
    signal,
    onHangUp: (listener) => {
      onHangUp = listener;
    },
    release: listen({ SIGINT: stop, SIGTERM: stop, SIGHUP: hangUp }),
  };
}

function stopper(onAgain: () => void): { readonly signal: AbortSignal; readonly stop: () => void } {
  const controller = new AbortController();
  let firstAtMs = 0;
  return {
    signal: controller.signal,
    stop() {
      if (!controller.signal.aborted) {
        firstAtMs = performance.now();
        controller.abort();
      } else if (performance.now() - firstAtMs > SAME_MS) onAgain();
    },
  };
}

/** @returns stops listening */
function listen(listeners: Readonly<Record<'SIGINT' | 'SIGTERM' | 'SIGHUP', () => void>>): () => void {
  const entries = Object.entries(listeners) as ['SIGINT' | 'SIGTERM' | 'SIGHUP', () => void][];
  for (const [signal, listener] of entries) process.on(signal, listener);
  return () => {
    for (const [signal, listener] of entries) process.off(signal, listener);
  };
}
