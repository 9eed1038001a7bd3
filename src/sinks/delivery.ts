import { setTimeout as delay } from 'node:timers/promises';
import { type Backoff, waitMs } from './backoff.ts';
import { type BatchBounds, batchesOf } from './batches.ts';
import { LostRecords } from './failure.ts';
import { postLines, type Target } from './post.ts';
import type { SinkTrouble } from './sink.ts';
import type { Refused } from './wire.ts';

/** Brings lines to a receiver. */
export interface Delivery {
  /** @throws LostRecords */
  deliver(lines: readonly string[]): Promise<void>;
  /** Brings a line in a request of its own. @throws LostRecords */
  deliverAlone(line: string): Promise<void>;
  close(): Promise<void>;
}

/** How often a batch is tried, and how long is waited in between. */
export interface Retry extends Backoff {
  readonly maxAttempts: number;
}

/**
 * Posts batches from memory: each is tried so many times, and then it is lost.
 *
 * @param trouble told of what a receiver says, of which nothing is lost
 */
export function directDelivery(target: Target, bounds: BatchBounds, retry: Retry, trouble: SinkTrouble): Delivery {
  const closing = new AbortController();

  /** What is lost of a batch, or null. */
  async function tryAll(batch: readonly string[]): Promise<Refused | null> {
    const all = (why: string): Refused => ({ lines: batch.length, why });
    for (let attempt = 1; ; attempt++) {
      const posted = await postLines(target, batch, closing.signal);
      if (posted.ok) return posted.refused;
      if (!posted.isTransient || closing.signal.aborted) return all(posted.why);
      if (attempt >= retry.maxAttempts)
        return all(attempt === 1 ? posted.why : `${posted.why}, tried ${attempt} times`);
      const ms = waitMs(attempt, retry, posted.retryAfterMs, Math.random());
      await delay(ms, undefined, { signal: closing.signal }).catch(() => undefined);
    }
  }

  async function deliver(batches: readonly (readonly string[])[]): Promise<void> {
    let lost = 0;
    const reasons: string[] = [];
    for (const batch of batches) {
      const refused = await tryAll(batch);
      if (refused === null) continue;
      if (refused.lines === 0) trouble(0, new Error(refused.why));
      else reasons.push(refused.why);
      lost += refused.lines;
    }
    if (lost > 0) throw new LostRecords(lost, reasons[0] ?? '');
  }

  return {
    deliver: (lines) => deliver(batchesOf(lines, bounds)),
    deliverAlone: (line) => deliver([[line]]),
    close: async () => closing.abort(),
  };
}
