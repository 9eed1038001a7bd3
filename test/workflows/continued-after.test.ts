import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Session } from '../../src/client.ts';
import type { Turn } from '../../src/model-endpoint/index.ts';
import { LOOK_AT_SWITCH } from '../../src/protocol.ts';
import { reset } from '../fixtures/workflows/reset.ts';
import { until } from '../fixtures/workflows/until.ts';
import { startContinuingStack } from '../harness/continuing-stack.ts';
import { botConfig, type Stack } from '../harness/stack.ts';

/** Temporal asks for a new run at 4,096 events; here much earlier. */
const SUGGESTED_AT = 50;

let stack: Stack;
beforeAll(async () => {
  const bot = botConfig({ limits: { usd: 10, wallSeconds: 3600 } });
  stack = await startContinuingStack(SUGGESTED_AT, {
    script: ({ lastUserText }: Turn) => ({ say: `heard: ${lastUserText}` }),
    config: { ...bot, agents: { ...bot.agents, easy: { ...bot.agents['bot']!, audit: 'best_effort' } } },
  });
});
afterAll(() => stack.close());

const alter = (sql: string): void => {
  const database = new DatabaseSync(join(stack.dir, 'store.db'));
  database.exec(`PRAGMA busy_timeout = 5000; ${sql}`);
  database.close();
};
const continuations = async ({ id }: Session): Promise<number> =>
  (await stack.records(id)).filter(({ event }) => event === 'session_continued').length;
async function sayUntilContinued(session: Session): Promise<void> {
  const before = await continuations(session);
  for (let index = 0; (await continuations(session)) === before; index++) await session.send(`message ${index}`);
}

test('a session that was reset before its first record was stored goes on in other runs', async () => {
  alter(`CREATE TRIGGER away BEFORE INSERT ON records BEGIN SELECT RAISE(ABORT, 'away'); END`);
  const session = await stack.start({ input: 'hello', conversation: true });
  try {
    await until('a refused call', async () => {
      const { pendingActivities } = (await session.describe()).raw;
      return pendingActivities?.length === 0 && (await session.view().catch(() => null))?.doing.includes('next try');
    });
    await reset(stack.client, session, 1);
  } finally {
    alter('DROP TRIGGER away');
  }
  expect(await session.firstReply()).toMatchObject({ answer: 'heard: hello' });
  // Its log begins with the second run, also for a third one.
  await reset(stack.client, session, 1);
  await sayUntilContinued(session);
  await sayUntilContinued(session);
  await session.end();
  expect(await session.result()).toMatchObject({ outcome: 'answered' });
});

test('a session that could not read the kill switch yet goes on to read it in its next run', async () => {
  const session = await stack.start({ input: 'hello', conversation: true, agent: 'easy' });
  await session.firstReply();
  const why = { agent: 'easy', by: 'bob', reason: null, at: new Date().toISOString() };
  await stack.store.switches.turn({ ...why, isOn: true });
  alter('ALTER TABLE switch_changes RENAME TO away');
  try {
    await session.handle.signal(LOOK_AT_SWITCH);
    await sayUntilContinued(session);
  } finally {
    alter('ALTER TABLE away RENAME TO switch_changes');
  }
  // Nothing is said to it any more: it is to end all the same.
  expect(await session.result()).toMatchObject({ outcome: 'killed', reason: 'kill_switch' });
  await stack.store.switches.turn({ ...why, isOn: false });
});
