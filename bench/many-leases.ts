import { setTimeout as delay } from 'node:timers/promises';
import { Aegrail } from '../src/client.ts';
import { accountsThrough } from '../src/client/bank.ts';
import { NOTHING } from '../src/core/ledger.ts';
import { loop } from '../src/model-endpoint/index.ts';
import type { Finding } from './lib/finding.ts';
import type { Lab } from './lib/lab.ts';
import { type Bench, runBenches } from './lib/run.ts';

const SESSIONS = 10_000;
/** So many sessions ask at once, on as many workers. */
const AT_ONCE = 500;
const WORKERS = 4;
const ACCOUNT = 'tenant/many';
const EACH = 10;
/** Not all of them fit. */
const LIMIT = SESSIONS * EACH - 500;

const tokens = (count: number) => ({ ...NOTHING, tokens: count });

/** Ten thousand sessions lease from one account, use what they got, and settle: what is granted is never above the limit. */
async function measureManyLeases(lab: Lab, say: (line: string) => void): Promise<Finding[]> {
  return lab.withGoverned({ script: loop({ say: '' }) }, async (taskQueue) => {
    const { accounts } = new Aegrail(lab.client, { taskQueue });
    await accounts.set(ACCOUNT, { tokens: LIMIT, per: 'total', by: 'bench' });
    const banks = Array.from({ length: WORKERS }, () => accountsThrough(lab.client));
    const bankOf = (session: string) => banks[Number(session.slice(-4)) % WORKERS] ?? accountsThrough(lab.client);
    let granted = 0;
    let retries = 0;
    const lease = async (session: string): Promise<void> => {
      const want = {
        session,
        n: 1,
        held: NOTHING,
        used: NOTHING,
        want: tokens(EACH),
        least: tokens(1),
        most: tokens(EACH),
      };
      for (let attempt = 1; ; attempt++) {
        try {
          const answer = await bankOf(session).lease(ACCOUNT, want);
          granted += answer.granted?.tokens ?? 0;
          return;
        } catch (thrown) {
          if (attempt === 30) throw thrown;
          retries += 1;
          await delay(100 * attempt);
        }
      }
    };
    const ids = Array.from({ length: SESSIONS }, (_, index) => `sess_1795000000000_${String(index).padStart(12, '0')}`);
    const startedMs = performance.now();
    await each(ids, lease, (done) => say(`${done} leases`));
    const leasedMs = performance.now() - startedMs;
    const view = await accounts.show(ACCOUNT);
    const shownMs = performance.now() - startedMs - leasedMs;
    await each(
      ids,
      (session) => bankOf(session).settle(ACCOUNT, { session, n: 1, used: tokens(7) }),
      (done) => say(`${done} settled`),
    );
    let left = await accounts.show(ACCOUNT);
    while (left.holderCount > 0) left = await delay(200).then(() => accounts.show(ACCOUNT));
    const info = (name: string, value: number, unit: string): Finding => ({ name, value, unit, target: null });
    return [
      { name: 'granted above the limit', value: Math.max(0, granted - LIMIT), unit: 'tokens', target: 0 },
      {
        name: 'granted, and not known to the account, or the other way',
        value: Math.abs(granted - view.leased.tokens),
        unit: 'tokens',
        target: 0,
      },
      {
        name: 'lost or doubled by settling',
        value: Math.abs(left.posted.tokens - 7 * view.holderCount),
        unit: 'tokens',
        target: 0,
      },
      info('sessions', SESSIONS, 'sessions'),
      info('that hold a lease', view.holderCount, 'sessions'),
      info('leases a second', SESSIONS / (leasedMs / 1000), '1/s'),
      info('asked again', retries, 'times'),
      info('showing who holds what', shownMs, 'ms'),
    ];
  });
}

async function each<T>(
  items: readonly T[],
  work: (item: T) => Promise<void>,
  say: (done: number) => void,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) {
      await work(item);
      if (next % 1_000 === 0) say(next);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** Run by hand: it takes minutes. */
const manyLeases: Bench = { name: 'many leases', server: 'memory', measure: measureManyLeases };

if (import.meta.main) await runBenches([manyLeases], process.argv.slice(2));
