import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Session } from '../../src/client.ts';
import type { ChainedRecord } from '../../src/core/record.ts';
import type { Turn } from '../../src/model-endpoint/index.ts';
import { TOP_UP } from '../../src/protocol.ts';
import { aegrail } from '../cli/kit.ts';
import { reset } from '../fixtures/workflows/reset.ts';
import { until } from '../fixtures/workflows/until.ts';
import { botConfig, type Stack, startStack, toolsModule } from '../harness/stack.ts';

const TOOLS = toolsModule(`
export const look = defineTool({ description: 'Looks.', input: z.object({}), execute: () => 'seen' });
export const pay = defineTool({ description: 'Pays.', input: z.object({ to: z.string() }), execute: ({ to }) => 'paid ' + to });`);

let stack: Stack;
beforeAll(async () => {
  const module = './tools.ts';
  const tools = { look: { module }, pay: { module, approval: { when: "session.calls('pay').count >= 1" } } };
  const { agents } = botConfig({ tools, limits: { usd: 1, maxToolCalls: 2 } });
  const bot = agents['bot']!;
  stack = await startStack({
    files: { 'tools.ts': TOOLS },
    script: (turn: Turn) => {
      const seen = turn.messages.flatMap(({ toolResults }) => toolResults).length;
      if (turn.lastUserText.startsWith('[budget]')) return { say: turn.lastUserText };
      if (turn.lastUserText === 'pay' && seen === 0)
        return { call: ['a', 'b'].map((to) => ({ tool: 'pay', args: { to } })) };
      return seen < Number(turn.messages[0]?.text) ? { call: [{ tool: 'look', args: {} }] } : { say: 'Done.' };
    },
    config: {
      agents: {
        bot: { ...bot, budget: { onExceeded: 'ask', approvers: "approver.id.startsWith('boss')", softLimit: 0 } },
        strict: { ...bot, budget: { softLimit: 0 } },
        told: { ...bot, budget: { softLimit: 0.5 } },
        brief: { ...bot, budget: { onExceeded: 'ask', askSeconds: 1, softLimit: 0 } },
      },
    },
  });
});
afterAll(() => stack.close());

/** Until it waits for the nth time: what waited before may be shown for a moment after it was answered. */
const asking = (session: Session, times = 1) =>
  expect
    .poll(async () => {
      const view = await session.view().catch(() => null);
      return { doing: view?.doing, times: view?.records.filter(({ event }) => event === 'budget_exceeded').length };
    })
    .toEqual({ doing: 'waiting for a larger budget (aegrail topup)', times });
const of = (records: readonly ChainedRecord[], event: string): ChainedRecord[] =>
  records.filter((record) => record.event === event);

test('at the limit it waits for a person, and goes on with what that one gives', async () => {
  const session = await stack.start({ input: '4' });
  await asking(session);
  expect(await session.topUp({ maxToolCalls: 1, by: 'boss' })).toMatchObject({ limits: { maxToolCalls: 3 } });
  await asking(session, 2);
  await session.topUp({ maxToolCalls: 5, usd: 0.5, by: 'boss', reason: 'worth it' });
  expect(await session.result()).toMatchObject({
    outcome: 'answered',
    answer: 'Done.',
    budget: { tool_calls: 4 },
    limits: { usd: 1.5, maxToolCalls: 8 },
  });
  const records = await stack.records(session.id);
  expect(of(records, 'budget_exceeded')).toHaveLength(2);
  expect(of(records, 'budget_raised').map(({ payload }) => payload)).toMatchObject([
    { by: 'boss', reason: null, amounts: { usd_nano: 0, tokens: 0, tool_calls: 1 } },
    { by: 'boss', reason: 'worth it', amounts: { usd_nano: 500_000_000, tokens: 0, tool_calls: 5 } },
  ]);
});

test('the same top-up twice is one', async () => {
  const session = await stack.start({ input: '3' });
  await asking(session);
  const once = { id: 't1', maxToolCalls: 1, by: 'boss' };
  const both = [await session.topUp(once), await session.topUp(once).catch((thrown: unknown) => thrown)];
  expect(both[0]).toMatchObject({ limits: { maxToolCalls: 3 } });
  expect(await session.result()).toMatchObject({ limits: { maxToolCalls: 3 }, budget: { tool_calls: 3 } });
  expect(of(await stack.records(session.id), 'budget_raised')).toHaveLength(1);
});

test('a reset gives nothing twice, to wherever it goes back', async () => {
  const session = await stack.start({ input: '0', conversation: true });
  await session.send('hello', { id: 'm1' });
  await session.topUp({ maxToolCalls: 5, by: 'boss' });
  await session.handle.signal(TOP_UP, { usd: 1, by: 'boss' });
  await session.send('hello again', { id: 'm2' });
  await reset(stack.client, session, 0);
  await session.send('and again', { id: 'm3' });
  await reset(stack.client, session, 3);
  await session.end();
  const granted = { usd: 2, maxToolCalls: 7 };
  expect(await session.result()).toMatchObject({ outcome: 'answered', limits: granted });
  const log = await stack.records(session.id);
  expect(of(log, 'budget_raised')).toHaveLength(2);
  expect(of(log, 'session_reset').length).toBeGreaterThan(0);
});

test('a call that waited for more is asked for, when its rule asks by then', async () => {
  const session = await stack.start({ input: 'pay', limits: { maxToolCalls: 0 } });
  await asking(session, 2);
  await session.topUp({ maxToolCalls: 5, by: 'boss' });
  // The first one runs: the second one was asked for when there was none yet.
  const [one] = await until('a request', async () => {
    const { approvals } = await session.view();
    return approvals.length > 0 ? approvals : null;
  });
  expect(one).toMatchObject({ tool: 'pay', args: { keys: [{ key: 'to' }] } });
  await session.decide({ request: one!.request, digest: one!.digest, decision: 'deny', by: 'boss' });
  expect(await session.result()).toMatchObject({ outcome: 'answered', budget: { tool_calls: 1 } });
});

test('nobody gives more in time: it is killed, as it would have been', async () => {
  const session = await stack.start({ agent: 'brief', input: '4' });
  expect(await session.result()).toMatchObject({ outcome: 'killed', reason: 'max_tool_calls' });
});

test('it can be ended while it waits', async () => {
  const session = await stack.start({ input: '4' });
  await asking(session);
  await session.cancel();
  expect(await session.result()).toMatchObject({ outcome: 'cancelled' });
});

test('the model is told when a budget is half used, once', async () => {
  const session = await stack.start({ agent: 'told', input: '4' });
  expect((await session.result()).answer).toBe(
    '[budget] 50 % of the tool calls of this session is used. Come to an end soon.',
  );
  expect(of(await stack.records(session.id), 'budget_warned')).toMatchObject([
    { payload: { dimension: 'max_tool_calls', permille: 500 } },
  ]);
});

describe('a top-up that may not be is refused, and harms nothing', () => {
  test.each<[string, unknown, RegExp]>([
    ['by who may not', { maxToolCalls: 1, by: 'eve' }, /the rule of who may says no/],
    ['by whom the agent works for', { maxToolCalls: 1, by: 'ann@acme.com' }, /works for may not/],
    ['by nobody', { maxToolCalls: 1 }, /by must say who/],
    ['of nothing', { by: 'boss' }, /at least one of/],
    ['that is negative', { maxToolCalls: -1, by: 'boss' }, /above 0/],
    ['of no money', { usd: 0, by: 'boss' }, /above 0/],
    ['of more than can be counted', { usd: 1e9, by: 'boss' }, /at most 9007199/],
    ['of a fraction of a nano', { usd: 1e-10, by: 'boss' }, /above 0/],
    ['of half a call', { maxToolCalls: 0.5, by: 'boss' }, /whole number/],
    ['of wall clock', { wallSeconds: 5, by: 'boss' }, /not known/],
    ['of what has no limit', { maxToolCalls: 1, tokens: 5, by: 'boss' }, /no limit of tokens that could be raised/],
    ['that is text', 'more', /one JSON object/],
  ])('%s', async (_what, input, says) => {
    const session = await stack.start({ input: '3' });
    await asking(session);
    const refused = await session.handle.executeUpdate(TOP_UP, { args: [input] }).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expect((refused as { cause?: Error }).cause?.message).toMatch(says);
    await session.handle.signal(TOP_UP, input);
    await session.topUp({ maxToolCalls: 1, by: 'boss' });
    expect(await session.result()).toMatchObject({ outcome: 'answered', limits: { usd: 1, maxToolCalls: 3 } });
  });

  test('of a contract that kills at its limits', async () => {
    const session = await stack.start({ agent: 'strict', input: '0', conversation: true });
    await session.send('hello');
    await expect(session.topUp({ usd: 1, by: 'boss' })).rejects.toMatchObject({ code: 'TOPUP_REFUSED' });
    await session.end();
    await session.result();
  });
});

test('the command line tops up', async () => {
  const session = await stack.start({ input: '3' });
  await asking(session);
  const topUp = (...args: string[]) => aegrail(['topup', session.id, ...args], { cwd: stack.dir });
  expect(await topUp('--usd', '1', '--by', 'eve')).toMatchObject({ code: 1, out: '' });
  expect(await topUp('--max-tool-calls', '2', '--by', 'boss')).toMatchObject({
    code: 0,
    out: expect.stringMatching(/4 tool calls granted, 2 used/) as string,
  });
  expect(await session.result()).toMatchObject({ outcome: 'answered' });
  const shown = await aegrail(['show', session.id], { cwd: stack.dir });
  expect(shown.out).toMatch(/ budget_raised +2 tool calls by boss\n/);
});
