import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Turn } from '../../src/model-endpoint/index.ts';
import { until } from '../fixtures/workflows/until.ts';
import { type Postgres, startPostgres } from '../harness/postgres.ts';
import { botConfig, type Stack, startStack } from '../harness/stack.ts';

/** Longer than a worker is waited for that says nothing, and than a store works on a statement. */
const LOCKED_SECONDS = 12;

let postgres: Postgres;
let stack: Stack;
beforeAll(async () => {
  postgres = await startPostgres();
  stack = await startStack({
    script: ({ lastUserText }: Turn) => ({ say: `heard: ${lastUserText}` }),
    config: botConfig({ limits: { usd: 1, wallSeconds: 600 } }),
    store: postgres.url(),
  });
});
afterAll(async () => {
  await stack.close();
  await postgres.dispose();
});

test.each(['records', 'blobs'])(
  'a call that a store with locked %s holds up has not begun, and costs nothing',
  async (table) => {
    const session = await stack.start({ input: 'hello', conversation: true });
    await session.firstReply();
    const mode = table === 'records' ? 'EXCLUSIVE' : 'ACCESS EXCLUSIVE';
    const locked = postgres.sql(
      `BEGIN; LOCK TABLE aegrail.${table} IN ${mode} MODE; SELECT pg_sleep(${LOCKED_SECONDS}); COMMIT`,
    );
    await until('the lock', async () => {
      const granted = `SELECT 1 FROM pg_locks WHERE granted AND relation = 'aegrail.${table}'::regclass`;
      return (
        (await postgres.sql(`${granted} AND mode LIKE '%ExclusiveLock' AND mode <> 'RowExclusiveLock'`)).length > 0
      );
    });
    expect(await session.send('one')).toMatchObject({ answer: 'heard: one' });
    await locked;
    await session.end();
    await session.result();
    const calls = (await stack.records(session.id)).flatMap((one) => (one.event === 'llm_call' ? [one.payload] : []));
    const failed = calls.filter(({ outcome }) => outcome !== 'ok');
    expect(failed.length).toBeGreaterThan(0);
    for (const payload of failed)
      expect(payload).toMatchObject({ outcome: 'not_started', posted: { usd_nano: 0, tokens: 0, tool_calls: 0 } });
  },
);
