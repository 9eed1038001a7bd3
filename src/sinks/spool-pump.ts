import { setTimeout as delay } from 'node:timers/promises';
import { type Backoff, waitMs } from './backoff.ts';
import { type Posted, postLines, type Target } from './post.ts';
import type { SinkTrouble } from './sink.ts';
import type { Spool } from './spool.ts';
import type { SpoolLock } from './spool-lock.ts';

/** Delivers what is in a spool, oldest first, for as long as it takes. */
export interface SpoolPump {
  /** Says that there may be something to deliver. */
  wake(): void;
  /** Delivers what it can: ends at the first failure, and after one request's timeout. What is left stays on disk. */
  close(): Promise<void>;
}

/** What a pump works with. */
export interface PumpParts {
  readonly spool: Spool;
  readonly lock: SpoolLock;
  readonly target: Target;
  readonly backoff: Backoff;
  readonly trouble: SinkTrouble;
}

/** How often a pump looks whether the process that delivers from the same spool has ended. */
const LOCK_POLL_MS = 1000;

/** Makes a {@link SpoolPump}. It holds the spool's lock while it has something to deliver. */
export function createSpoolPump({ spool, lock, target, backoff, trouble }: PumpParts): SpoolPump {
  /** Aborted when closing begins: no more waiting. */
  const hurry = new AbortController();
  /** Aborted when closing has taken long enough. */
  const end = new AbortController();
  let running: Promise<void> | null = null;
  let isAwake = false;
  let failures = 0;

  async function run(): Promise<void> {
    while (isAwake && !end.signal.aborted) {
      isAwake = false;
      await deliverAll();
    }
    lock.release();
    running = null;
  }

  /** Until the spool is empty, or it is closing and something fails. */
  async function deliverAll(): Promise<void> {
    while (!end.signal.aborted) {
      try {
        const isOurs = lock.take();
        if (isOurs && !(await deliverFirst())) return;
        if (isOurs) continue;
        if (hurry.signal.aborted) return;
        await pause(LOCK_POLL_MS);
      } catch (error) {
        failures += 1;
        trouble(0, error);
        if (hurry.signal.aborted) return;
        await pause(waitMs(failures, backoff, null, Math.random()));
      }
    }
  }

  /** Whether to go on. */
  async function deliverFirst(): Promise<boolean> {
    const next = await spool.first();
    if (next === null) return false;
    const { name, lines } = next;
    const posted: Posted =
      lines.length === 0 ? { ok: true, refused: null } : await postLines(target, lines, end.signal);
    if (!posted.ok && posted.isTransient) {
      // Told before it is known to be closing: a receiver that is down when the worker ends is worth a word.
      if (!end.signal.aborted)
        trouble(0, new Error(`${posted.why}; batches that wait in the spool: ${spool.waiting()}`));
      if (hurry.signal.aborted) return false;
      failures += 1;
      await pause(waitMs(failures, backoff, posted.retryAfterMs, Math.random()));
      return true;
    }
    failures = 0;
    if (posted.ok) {
      if (posted.refused !== null) trouble(posted.refused.lines, new Error(posted.refused.why));
      await spool.remove(name);
      return true;
    }
    const kept = await spool.setAside(name);
    const what = kept === null ? 'lost: there is no room for more that is rejected' : `set aside as ${kept}`;
    trouble(lines.length, new Error(`${posted.why}: ${what}`));
    return true;
  }

  async function pause(ms: number): Promise<void> {
    // A process that has nothing else to do may end: what waits is on disk.
    await delay(ms, undefined, { signal: hurry.signal, ref: false }).catch(() => undefined);
  }

  return {
    wake: () => {
      if (hurry.signal.aborted) return;
      // Also while it runs: it may have looked just before there was something.
      isAwake = true;
      running ??= run();
    },
    close: async () => {
      hurry.abort();
      const timer = setTimeout(() => end.abort(), target.timeoutMs);
      await running;
      clearTimeout(timer);
      lock.close();
    },
  };
}
