import type { Tick } from './notary.ts';
import { waitMs } from './next-checkpoint.ts';

/** What is done, and when. */
export interface RhythmOptions {
  readonly cadenceSeconds: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly tick: () => Promise<Tick>;
  /** What is done at the end. */
  readonly lastTick: () => Promise<void>;
  /** Told of what a tick threw. */
  readonly failed: (thrown: unknown) => void;
}

/** Ticks, from start to stop. */
export interface Rhythm {
  start(): void;
  stop(): Promise<void>;
}

/** Longest that the end takes, in milliseconds. */
const STOP_MS = 5_000;
/** After a failure: not a whole cadence later, which may be a day. In milliseconds. */
const RETRY_MS = 10_000;
/** Longest that a notary waits beyond the cadence for the one that signed last, in milliseconds. */
const COURTESY_MS = 5_000;

/**
 * Ticks when the next checkpoint is due. Whoever signed the last one is first the next time: the others wait a little
 * longer, and find that there is nothing to sign. So they do not all ask the witnesses at once.
 */
export function createRhythm({ cadenceSeconds, now, tick, lastTick, failed }: RhythmOptions): Rhythm {
  let timer: NodeJS.Timeout | undefined;
  let isRunning = false;
  let hasGivenUp = false;

  function tell(thrown: unknown): void {
    // By then the store is closed, and everything fails.
    if (!hasGivenUp) failed(thrown);
  }

  function arm(delayMs: number): void {
    if (isRunning) timer = setTimeout(() => void beat(), delayMs);
  }

  async function beat(): Promise<void> {
    try {
      arm(delayAfter(await tick()));
    } catch (thrown) {
      tell(thrown);
      arm(Math.min(cadenceSeconds * 1000, RETRY_MS));
    }
  }

  function delayAfter({ outcome, lastTime }: Tick): number {
    if (outcome === 'not_our_key') return cadenceSeconds * 1000;
    const courtesyMs = outcome === 'signed' ? 0 : Math.min(cadenceSeconds * 100, COURTESY_MS);
    return waitMs(lastTime, cadenceSeconds, now()) + courtesyMs;
  }

  return {
    start() {
      isRunning = true;
      void beat();
    },
    async stop() {
      isRunning = false;
      clearTimeout(timer);
      let over: NodeJS.Timeout | undefined;
      const end = new Promise<void>((resolve) => {
        over = setTimeout(resolve, STOP_MS);
      });
      await Promise.race([lastTick().catch(tell), end]);
      hasGivenUp = true;
      clearTimeout(over);
    },
  };
}
