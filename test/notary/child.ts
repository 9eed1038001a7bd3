import { createNotary } from '../../src/notary/notary.ts';
import { openKeyring } from '../../src/signing/keyring.ts';
import { openStore } from '../../src/store/open.ts';
import { longSession, ORIGIN } from './sample-log.ts';

/**
 * Run by tests as a process of its own: URL, KEYS, SESSION. With a session it appends to that, and ticks, without an end;
 * without one it starts a notary with a long cadence, and stops it when it is told to.
 */
const [url, keys, session] = process.argv.slice(2);
const say = (_fields: unknown, message: string): void => void process.stderr.write(`${message}\n`);
const store = await openStore(url!, '/');
const notary = createNotary({
  store,
  keyring: openKeyring({ origin: ORIGIN, keys: keys! }, '/', {}),
  cadenceSeconds: 3_600,
  witnesses: [],
  publish: () => undefined,
  logger: { warn: say, error: say },
  now: () => Date.now(),
});

if (session === undefined) {
  notary.start();
  await notary.tick();
  process.send?.('started');
  process.once('message', () => {
    void notary
      .stop()
      .then(() => store.close())
      .then(() => process.disconnect());
  });
} else {
  const records = longSession(session, 5_000);
  for (let from = 0; from < records.length; from += 7) {
    await store.append(session, records.slice(from, from + 7));
    await notary.tick({ all: true });
    process.send?.(from);
  }
}
