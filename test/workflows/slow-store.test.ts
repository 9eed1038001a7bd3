import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Turn } from '../../src/model-endpoint/index.ts';
import { until } from '../fixtures/workflows/until.ts';
import { type Postgres, startPostgres } from '../harness/postgres.ts';
import { botConfig, type Stack, startStack } from '../harness/stack.ts';

/** Temporal's number of a pending activity's state: its cancellation was asked for. */
const CANCEL_REQUESTED = 3;
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

test('a call that is cancelled while the store holds it up does not begin, and costs nothing', async () => {
  const session = await stack.start({ input: 'hello', conversation: true });
  await session.firstReply();
  const asked = stack.endpoint.calls.length;
  const blocker = new pg.Client(postgres.url());
  await blocker.connect();
  await blocker.query('BEGIN');
  await blocker.query('LOCK TABLE aegrail.records IN EXCLUSIVE MODE');
  const heldUp = async () =>
    (await session.describe()).raw.pendingActivities?.find(({ activityType }) => activityType?.name === 'callModel');
  await session.post('one');
  await until('the call that is held up', heldUp);
  await session.cancel();
  // The answer to a heartbeat is how a worker hears of it: two, and the second was sent after the cancellation.
  const beats = new Set<string>();
  await until('the worker was told', async () => {
    const one = await heldUp();
    if (Number(one?.state) === CANCEL_REQUESTED) beats.add(String(one?.lastHeartbeatTime?.seconds));
    return beats.size > 2;
  });
  await blocker.query('COMMIT');
  await blocker.end();
  expect(await session.result()).toMatchObject({ outcome: 'cancelled' });
  const calls = (await stack.records(session.id)).flatMap((one) => (one.event === 'llm_call' ? [one.payload] : []));
  expect(calls.at(-1)).toMatchObject({ outcome: 'not_started', posted: { usd_nano: 0, tokens: 0, tool_calls: 0 } });
  expect(stack.endpoint.calls).toHaveLength(asked);
});
