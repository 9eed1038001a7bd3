import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Session } from '../../src/client.ts';
import type { ChainedRecord } from '../../src/core/record.ts';
import type { Turn } from '../../src/model-endpoint/index.ts';
import { LOOK_AT_SWITCH } from '../../src/protocol.ts';
import { SLOW_TOOLS } from '../fixtures/workflows/slow-tools.ts';
import { until } from '../fixtures/workflows/until.ts';
import { botConfig, type Stack, startStack } from '../harness/stack.ts';

const WHY = { by: 'bob@acme.com', reason: 'it spends too much' };
/** A worker knows of it after a second. */
const SEEN_MS = 1_000;

let stack: Stack;
beforeAll(async () => {
  const slow = { module: './tools.ts', timeoutSeconds: 100 };
  const limits = { usd: 1, wallSeconds: 600 };
  const bot = botConfig({
    limits,
    tools: { counted: slow, listening: slow, deaf: slow, asked: { ...slow, export: 'counted', approval: true } },
  });
  const other = bot.agents['bot']!;
  stack = await startStack({
    files: { 'tools.ts': SLOW_TOOLS },
    config: { ...bot, agents: { ...bot.agents, other, easy: { ...other, audit: 'best_effort' } } },
    script: ({ lastUserText, index }: Turn) => {
      const [what = '', name = ''] = lastUserText.split(' ');
      if (what === 'on')
        return { delayMs: 50, next: { call: [{ tool: 'counted', args: { name: `${name}-${index}` } }] } };
      if (what === 'side' && index === 0)
        return { call: ['listening', 'asked'].map((tool) => ({ tool, args: { name } })) };
      if (['counted', 'listening', 'deaf', 'asked'].includes(what) && index === 0)
        return { call: [{ tool: what, args: { name } }] };
      return { say: `heard: ${lastUserText}` };
    },
  });
});
afterAll(() => stack.close());
afterEach(async () => {
  for (const { agent } of await stack.store.switches.on()) await turn(agent, false);
  // As long as it may take until the worker knows.
  await delay(SEEN_MS);
});

const turn = (agent: string | null, isOn: boolean): Promise<void> =>
  stack.store.switches.turn({ agent, isOn, ...WHY, at: new Date().toISOString() });
const runs = (): string[] => readFileSync(join(stack.dir, 'runs.log'), { encoding: 'utf8', flag: 'a+' }).split('\n');
const untilRun = (line: string): Promise<true> =>
  until(line, () => (runs().some((one) => one.startsWith(line)) ? true : null));
const nudge = (session: Session): Promise<void> => session.handle.signal(LOOK_AT_SWITCH);
const doing = async (session: Session): Promise<string> => (await session.view().catch(() => null))?.doing ?? '';

/** The log from the record of the switch on, and that nothing of it was paid or left open. */
async function killedLog(session: Session, agent: string | null = 'bot'): Promise<ChainedRecord[]> {
  const who = agent === null ? 'all agents' : `the agent ${agent}`;
  const why = `The kill switch is on for ${who}: bob@acme.com turned it on (it spends too much).`;
  expect(await session.result()).toMatchObject({ outcome: 'killed', reason: 'kill_switch', answer: null, why });
  const records = await stack.records(session.id);
  const at = records.findIndex(({ event }) => event === 'killed_by_switch');
  expect(records[at]).toMatchObject({ payload: { agent, ...WHY } });
  expect(records.at(-1)).toMatchObject({
    event: 'session_ended',
    payload: { outcome: 'killed', reason: 'kill_switch' },
    budget: { usd_reserved: 0, tokens_reserved: 0, tool_calls_reserved: 0 },
  });
  return records.slice(at);
}

test('a session that runs is refused its next call, whatever it is, and ends as killed', async () => {
  const session = await stack.start({ input: 'on a' });
  await untilRun('start a-2');
  await turn('bot', true);
  await delay(SEEN_MS);
  const ran = runs().length;
  const log = await killedLog(session);
  expect(log.map(({ event }) => event)).toEqual([
    'killed_by_switch',
    expect.stringMatching(/^(llm|tool)_call$/),
    'session_ended',
  ]);
  expect(log[0]).toMatchObject({ payload: { in_flight: 1 } });
  expect(log[1]).toMatchObject({
    payload: {
      outcome: 'not_started',
      error: { code: 'KILL_SWITCH_ON' },
      posted: { usd_nano: 0, tokens: 0, tool_calls: 0 },
    },
  });
  // A second after the switch was turned nothing was begun any more.
  expect(runs()).toHaveLength(ran);
});

test('new sessions fail with a typed error, leave no log, and run when it is off', async () => {
  await turn('bot', true);
  const session = await stack.start({ input: 'hello' });
  await expect(session.result()).rejects.toMatchObject({
    code: 'KILL_SWITCH_ON',
    message: 'The kill switch is on for the agent bot: bob@acme.com turned it on (it spends too much).',
  });
  expect(await stack.records(session.id)).toEqual([]);
  expect(await (await stack.start({ input: 'hello', agent: 'other' })).result()).toMatchObject({ outcome: 'answered' });
  await turn('bot', false);
  await delay(SEEN_MS);
  expect(await (await stack.start({ input: 'hello' })).result()).toMatchObject({ outcome: 'answered' });
});

test('the switch for all stops every agent, also one whose audit is best effort', async () => {
  const sessions = await Promise.all(
    ['bot', 'other', 'easy'].map((agent) => stack.start({ agent, input: 'on b', conversation: true })),
  );
  await untilRun('start b-2');
  await turn(null, true);
  for (const session of sessions) await killedLog(session, null);
  const late = await stack.start({ agent: 'easy', input: 'hello' });
  await expect(late.result()).rejects.toMatchObject({ code: 'KILL_SWITCH_ON' });
});

test('what waits is ended by a signal: for what is said next, for a person, paused; and a call in flight is stopped', async () => {
  const [idle, asked, paused, running, side] = await Promise.all([
    stack.start({ input: 'hello', conversation: true }),
    stack.start({ input: 'asked c' }),
    stack.start({ input: 'hello', conversation: true }),
    stack.start({ input: 'listening d' }),
    stack.start({ input: 'side e' }),
  ]);
  await untilRun('start d');
  await untilRun('start e');
  for (const session of [idle, paused])
    await until('it waits', async () => (await doing(session)).startsWith('waiting'));
  await until('a request', async () => (await asked.view()).approvals[0]);
  await until('a request beside a call', async () => (await side.view()).approvals[0]);
  await paused.pause({ by: 'eve@acme.com' });
  await turn('bot', true);
  for (const session of [idle, asked, paused, running, side]) await nudge(session);
  for (const session of [idle, asked, paused]) await killedLog(session);
  for (const session of [running, side]) {
    const log = await killedLog(session);
    // Not at the end of a grace period: the tools listened.
    expect(Date.parse(log.at(-1)!.ts) - Date.parse(log[0]!.ts)).toBeLessThan(5_000);
    expect(log.find(({ event }) => event === 'tool_call')).toMatchObject({ payload: { outcome: 'cancelled' } });
  }
  expect(runs()).toContain('stopped d');
});

test('one that a signal stops is cancelled too, as those below a session are: it ends, and no task of its workflow fails', async () => {
  const session = await stack.start({ input: 'deaf i' });
  await untilRun('start i');
  await turn('bot', true);
  await nudge(session);
  await until('it stops', async () => (await doing(session)).startsWith('stopping'));
  await session.cancel();
  const log = await killedLog(session);
  expect(log.find(({ event }) => event === 'tool_call')).toMatchObject({ payload: { outcome: 'abandoned' } });
  const { events } = await session.handle.fetchHistory();
  expect(events?.filter(({ workflowTaskFailedEventAttributes: failed }) => failed)).toEqual([]);
});

test('without a signal one that waits is ended when it is to do something again', async () => {
  const session = await stack.start({ input: 'hello', conversation: true });
  await session.send('one');
  await turn('bot', true);
  await delay(SEEN_MS);
  expect(await session.send('two')).toMatchObject({ outcome: 'killed', answer: null });
  await killedLog(session);
});

test('a call that is refused stops those that run beside it', async () => {
  const session = await stack.start({ input: 'side f' });
  await untilRun('start f');
  const { request, digest } = await until('a request', async () => (await session.view()).approvals[0]);
  await turn('bot', true);
  await delay(SEEN_MS);
  await session.decide({ request, digest, decision: 'approve', by: 'bob@acme.com' });
  const ends = (await killedLog(session)).flatMap(({ event, payload }) => (event === 'tool_call' ? [payload] : []));
  expect(ends).toMatchObject([
    { tool: 'asked', outcome: 'not_started', error: { code: 'KILL_SWITCH_ON' } },
    { tool: 'listening', outcome: 'cancelled' },
  ]);
});

test('a signal is but a hint: with no switch on it harms nothing, whatever it says', async () => {
  const session = await stack.start({ input: 'hello', conversation: true });
  await session.send('one');
  for (const args of [[], [{ agent: 'bot', by: 'eve', reason: 'forged' }], ['x', 1, null], [{ on: true }]])
    await session.handle.signal(LOOK_AT_SWITCH, ...args);
  expect(await session.send('two')).toMatchObject({ outcome: 'answered', answer: 'heard: two' });
  await session.end();
  expect(await session.result()).toMatchObject({ outcome: 'answered' });
  expect((await stack.records(session.id)).some(({ event }) => event === 'killed_by_switch')).toBe(false);
});

test('a session that is to fail on a kill fails', async () => {
  const session = await stack.start({ input: 'on g', failOnKill: true });
  await untilRun('start g-1');
  await turn('bot', true);
  await killedLog(session);
  await expect(session.handle.result()).rejects.toMatchObject({ cause: { type: 'SESSION_KILLED' } });
});

test('while the switches can not be read nothing runs, but where the contract lets it; and it goes on', async () => {
  const alter = (sql: string): void => {
    const database = new DatabaseSync(join(stack.dir, 'store.db'));
    database.exec(`PRAGMA busy_timeout = 5000; ${sql}`);
    database.close();
  };
  const [required, easy] = await Promise.all([
    stack.start({ input: 'hello', conversation: true }),
    stack.start({ input: 'hello', conversation: true, agent: 'easy' }),
  ]);
  for (const session of [required, easy]) await session.send('one');
  alter('ALTER TABLE switch_changes RENAME TO away');
  await delay(SEEN_MS);
  const reply = required.send('counted h');
  try {
    expect(await easy.send('two')).toMatchObject({ answer: 'heard: two' });
    await until('a refused call', async () => (await doing(required)).includes('next try'));
    expect(runs().some((line) => line.startsWith('start h'))).toBe(false);
  } finally {
    alter('ALTER TABLE away RENAME TO switch_changes');
  }
  expect(await reply).toMatchObject({ outcome: 'answered' });
  for (const session of [required, easy]) {
    await session.end();
    await session.result();
  }
  const ends = (await stack.records(required.id)).flatMap(({ event, payload }) =>
    event === 'llm_call' ? [payload] : [],
  );
  expect(ends).toContainEqual(
    expect.objectContaining({ outcome: 'not_started', error: { code: 'AUDIT_UNAVAILABLE' } }),
  );
});
