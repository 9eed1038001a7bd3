import { openStore } from '../../src/store/open.ts';
import { sampleSession } from '../suites/sample-session.ts';

/** Run by the store's suite as a process of its own: URL, CALLS, SESSION… */
const [url, calls, ...sessions] = process.argv.slice(2);
const store = await openStore(url!, '/');
const logs = sessions.map((id) => ({ id, records: sampleSession(id, Math.min(Number(calls), 2000)) }));
const longest = Math.max(...logs.map(({ records }) => records.length));
for (let from = 0; from < longest; from += 3) {
  for (const { id, records } of logs) {
    if (from < records.length) await store.append(id, records.slice(from, from + 3));
  }
  process.send?.(from);
}
await store.close();
process.disconnect();
