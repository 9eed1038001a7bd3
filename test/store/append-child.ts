import { once } from 'node:events';
import { AegrailError } from '../../src/core/errors.ts';
import { openStore } from '../../src/store/open.ts';
import type { Appended, Store } from '../../src/store/store.ts';
import { sampleSession } from '../suites/sample-session.ts';

/**
 * Run by the store's suite as a process of its own: URL, CALLS, BATCH, SESSION… Says when it is ready, waits to be told to
 * go, and sends how much of a session it is about to have appended before each batch.
 */
const [url, calls, batch, ...sessions] = process.argv.slice(2);
const logs = sessions.map((id) => ({ id, records: sampleSession(id, Number(calls)) }));
const longest = Math.max(...logs.map(({ records }) => records.length));

process.send?.('ready');
await once(process, 'message');
const store = await openStore(url!, '/');
for (let from = 0; from < longest; from += Number(batch)) {
  for (const { id, records } of logs) {
    process.send?.(from);
    await append(id, records.slice(from, from + Number(batch)));
  }
}
await store.close();
process.disconnect();

/** Appends as an activity does: a disk that is slow for all makes one of them wait too long, which tries again. */
async function append(...batch: Parameters<Store['append']>): Promise<Appended> {
  for (let tries = 1; ; tries++) {
    try {
      return await store.append(...batch);
    } catch (error) {
      if (tries === 5 || !(error instanceof AegrailError) || error.code !== 'AUDIT_UNAVAILABLE') throw error;
    }
  }
}
