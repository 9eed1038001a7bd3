import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Session } from '../../src/client.ts';
import { MIGRATE } from '../../src/protocol.ts';
import { failedTasks } from '../fixtures/workflows/failed-tasks.ts';
import { until } from '../fixtures/workflows/until.ts';
import { startContinuingStack } from '../harness/continuing-stack.ts';
import { type Stack, toolsModule } from '../harness/stack.ts';

const TOOLS = toolsModule(`
export const ask = defineTool({ description: 'Asks.', input: z.object({}), execute: () => 'granted' });
export const step = defineTool({ description: 'Goes on.', input: z.object({}), execute: () => 'on' });`);

const quiet = { model: 'openai/gpt-5.4-mini', budget: { softLimit: 0 }, loops: { maxRepeats: 0 } };
const ask = { module: './tools.ts', approval: true } as const;
const step = { module: './tools.ts' } as const;

let stack: Stack;
// Each test has sessions of its own, and mostly waits: they run side by side.
beforeAll(async () => {
  stack = await startContinuingStack(60, {
    files: { 'tools.ts': TOOLS },
    script: ({ lastToolResults, lastUserText, index }) => {
      if (lastUserText === 'far') return { call: [{ tool: index < 8 ? 'step' : 'ask', args: {} }] };
      if (lastToolResults.length > 0) return { say: `heard ${lastToolResults.map(({ text }) => text).join(' and ')}` };
      if (lastUserText === 'delegate far') return { call: [{ tool: 'helper', args: { task: 'far' } }] };
      if (lastUserText === 'delegate')
        return { call: ['one', 'two'].map(() => ({ tool: 'helper', args: { task: 'ask' } })) };
      return lastUserText === 'ask' ? { call: [{ tool: 'ask', args: {} }] } : { say: `done: ${lastUserText}` };
    },
    config: {
      agents: {
        bot: {
          ...quiet,
          limits: { usd: 10, wallSeconds: 3600, maxRecursionDepth: 1 },
          tools: { ask, step },
          agents: { helper: { limits: { usd: 0.1 } } },
        },
        helper: { ...quiet, limits: { usd: 0.3, wallSeconds: 1200 }, tools: { ask, step } },
      },
    },
  });
});
afterAll(() => stack.close());

/** Starts a session with two below it, which wait for people, and says so much that it goes on in another run. */
async function continuedMeanwhile(): Promise<{ session: Session; children: Session[] }> {
  // So few tool calls that those below it hold all of them.
  const session = await stack.start({ input: 'delegate', conversation: true, limits: { maxToolCalls: 4 } });
  const children = await until('two children that wait', async () => {
    const ids = (await stack.records(session.id)).flatMap(({ event, payload }) =>
      event === 'tool_admitted' && payload.agent ? [payload.agent.session_id] : [],
    );
    const asked = await Promise.all(ids.map((id) => stack.records(id)));
    const areWaiting = asked.every((log) => log.some(({ event }) => event === 'approval_requested'));
    return ids.length === 2 && areWaiting ? ids.map((id) => stack.aegrail.session(id)) : null;
  });
  for (let index = 0; index < 20; index++) await session.post(`word ${index}`, { id: `w${index}` });
  await until('another run', async () =>
    (await stack.records(session.id)).some(({ event }) => event === 'session_continued'),
  );
  return { session, children };
}

test.concurrent('sessions below one outlive its run, and the next one hears them', async () => {
  const { session, children } = await continuedMeanwhile();
  const before = await stack.records(session.id);
  expect(before.filter(({ event }) => event === 'tool_call')).toEqual([]);
  for (const child of children) {
    const [request] = (await child.view()).approvals;
    const { request: id = '', digest = '' } = request ?? {};
    await child.decide({ request: id, digest, decision: 'approve', by: 'boss@acme.com' });
  }
  const reply = await session.send('the last', { id: 'last' });
  expect(reply).toMatchObject({ outcome: 'answered', answer: 'done: the last' });
  await session.end();
  expect(await session.result()).toMatchObject({ outcome: 'answered' });
  const records = await stack.records(session.id);
  const ends = records.filter(({ event }) => event === 'tool_call');
  expect(ends.map(({ payload }) => payload)).toMatchObject([
    { ok: true, agent: { outcome: 'answered' } },
    { ok: true, agent: { outcome: 'answered' } },
  ]);
  // All that was said meanwhile was answered, once.
  const answered = records.flatMap(({ event, payload }) => (event === 'turn_answered' ? [payload.message_id] : []));
  expect(answered).toEqual([null, ...Array.from({ length: 20 }, (_, index) => `w${index}`), 'last']);
});

test.concurrent('a session that goes on in another run still stops those below it', async () => {
  const { session, children } = await continuedMeanwhile();
  await session.cancel();
  expect(await session.result()).toMatchObject({ outcome: 'cancelled' });
  for (const child of children) expect(await child.result()).toMatchObject({ outcome: 'cancelled' });
  const ends = (await stack.records(session.id)).filter(({ event }) => event === 'tool_call');
  expect(ends.map(({ payload }) => payload)).toMatchObject([
    { outcome: 'cancelled', agent: { outcome: 'cancelled' } },
    { outcome: 'cancelled', agent: { outcome: 'cancelled' } },
  ]);
});

test.concurrent('a migration of one that is paused while those below it run waits for both, and the session can be stopped', async () => {
  const { session, children } = await continuedMeanwhile();
  await session.pause({ by: 'bob@acme.com' });
  // Another contract of the store: that of those below it will do, for it waits.
  const begun = (await stack.records(children[0]!.id))[0]!;
  const sha256 = (begun.payload as { contract_sha256: string }).contract_sha256;
  await session.handle.signal(MIGRATE, { sha256, by: 'bob@acme.com' });
  expect(await session.resume({ by: 'bob@acme.com' })).toMatchObject({ outcome: 'running' });
  await session.cancel();
  expect(await session.result()).toMatchObject({ outcome: 'cancelled' });
  expect(await failedTasks(session)).toEqual([]);
});

test.concurrent('a session stops one below it that goes on in another run itself', async () => {
  const session = await stack.start({ input: 'delegate far' });
  const asked = await until('a child that waits in another run', async () => {
    const ids = (await stack.records(session.id)).flatMap(({ event, payload }) =>
      event === 'tool_admitted' && payload.agent ? [payload.agent.session_id] : [],
    );
    const [child = ''] = ids;
    const log = await stack.records(child);
    const events = log.map(({ event }) => event);
    return events.includes('session_continued') && events.at(-1) === 'approval_requested' ? child : null;
  });
  await session.cancel();
  expect(await stack.aegrail.session(asked).result()).toMatchObject({ outcome: 'cancelled' });
  expect(await session.result()).toMatchObject({ outcome: 'cancelled' });
  const [end] = (await stack.records(session.id)).filter(({ event }) => event === 'tool_call');
  expect(end?.payload).toMatchObject({ outcome: 'cancelled', agent: { session_id: asked, outcome: 'cancelled' } });
});
