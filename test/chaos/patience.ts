import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { AegrailError } from '../../src/core/errors.ts';

/** A client's patience with a server that is killed now and then. */
export interface Patience {
  /**
   * Does it again until it is answered. What is done must be known by an id of its own: an answer may be lost, and the
   * thing done nevertheless.
   *
   * @throws AegrailError what the session itself said: that is an answer; Error when time is up, with what was tried
   */
  until<T>(what: string, work: () => Promise<T>): Promise<T>;
  /** Sleeps. Rejects when the time of all is up. */
  sleep(ms: number): Promise<void>;
}

/** One try takes this long at most: a killed server says nothing at all to who waits. */
const TRY_MS = 15_000;
const PAUSE_MS = 250;

/** @param giveUp tells when everything is to have an end: then every wait fails */
export function patienceOf(client: Client, giveUp: AbortSignal): Patience {
  return {
    async until(what, work) {
      for (;;) {
        try {
          return await client.withDeadline(Date.now() + TRY_MS, work);
        } catch (thrown) {
          if (thrown instanceof AegrailError) throw thrown;
          if (giveUp.aborted) throw new Error(`time was up for: ${what}`, { cause: thrown });
        }
        await delay(PAUSE_MS);
      }
    },
    async sleep(ms) {
      await delay(ms, undefined, { signal: giveUp });
    },
  };
}
