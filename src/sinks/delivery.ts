import { setTimeout as delay } from 'node:timers/promises';
import { type Backoff, waitMs } from './backoff.ts';
import { type BatchBounds, batchesOf } from './batches.ts';
import { LostRecords } from './failure.ts';
import { postLines, type Target } from './post.ts';

/** Brings lines to a receiver. */
export interface Delivery {
  /** @throws LostRecords */
  deliver(lines: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/** How often a batch is tried, and how long is waited in between. */
export interface Retry extends Backoff {
  readonly maxAttempts: number;
}

/** Posts batches from memory: each is tried so many times, and then it is lost. */
export function directDelivery(target: Target, bounds: BatchBounds, retry: Retry): Delivery {
  const closing = new AbortController();

  /** Why a batch is lost, or null. */
  async function tryAll(batch: readonly string[]): Promise<string | null> {
    for (let attempt = 1; ; attempt++) {
      const posted = await postLines(target, batch, closing.signal);
      if (posted.ok) return null;
      if (!posted.isTransient || closing.signal.aborted) return posted.why;
      if (attempt >= retry.maxAttempts) return attempt === 1 ? posted.why : `${posted.why}, tried ${attempt} times`;
      const ms = waitMs(attempt, retry, posted.retryAfterMs, Math.random());
      await delay(ms, undefined, { signal: closing.signal }).catch(() => undefined);
    }
  }

  return {
    deliver: async (lines) => {
      let lost = 0;
      const reasons: string[] = [];
      for (const batch of batchesOf(lines, bounds)) {
        const why = await tryAll(batch);
        if (why === null) continue;
        lost += batch.length;
        reasons.push(why);
      }
      if (lost > 0) throw new LostRecords(lost, reasons[0] ?? '');
    },
    close: async () => closing.abort(),
  };
}
