import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Session } from '../../src/client.ts';
import { MESSAGE_OVERHEAD_TOKENS } from '../../src/core/model-bound.ts';
import type { ChainedRecord } from '../../src/core/record.ts';
import { nanoToUsd, usdToNano } from '../../src/core/units.ts';
import { type BilledCall, billUsdNano, route, type Script } from '../../src/model-endpoint/index.ts';
import { payloads } from '../fixtures/workflows/payloads.ts';
import { SLOW_TOOLS } from '../fixtures/workflows/slow-tools.ts';
import { botConfig, type Stack, startStack } from '../harness/stack.ts';

const MIN_OUTPUT_TOKENS = 64;
const TEXTS = [
  'The parcel left our warehouse in Leipzig on Tuesday and is with the carrier now. ',
  'Das Päckchen hat unser Lager am Dienstag verlassen und ist jetzt beim Zusteller. ',
  '{"order":4521,"lines":[{"sku":"A-17","qty":2,"eur":19.99}],"state":"shipped"}\n',
  '小包は火曜日に倉庫を出て、現在配送業者の手元にあります。',
];
/** Bytes of tool results that come one after the other: 0.3 to 3 KB. */
const SIZES = [300, 2_900, 700, 1_500, 400, 3_000, 1_000];

/** Reads one text after the other and never comes to an end: only a limit stops it. */
const endless: Script = ({ index, lastUserText }) => {
  const text = TEXTS[(index + lastUserText.length) % TEXTS.length] ?? '';
  const bytes = SIZES[(index + lastUserText.length) % SIZES.length];
  return { say: text.repeat(1 + (index % 4)), call: [{ tool: 'read', args: { text, bytes } }] };
};

const tools = {
  read: { module: './tools.ts' },
  counted: { module: './tools.ts' },
  deaf: { module: './tools.ts' },
};
const READ = `
export const read = defineTool({
  description: 'Reads a text of so many bytes.',
  input: z.object({ text: z.string(), bytes: z.number() }),
  execute: ({ text, bytes }) => text.repeat(Math.ceil(bytes / Buffer.byteLength(text))),
});`;
const limits = { usd: 1, wallSeconds: 600 };
const instructions = 'You help customers of a shop. Read what you need, and answer in a few words.';
// The budget is to end them, and nothing before it.
const loops = { maxRepeats: 0 };
const bot = botConfig({ tools, limits, instructions, loops });
const claude = { model: 'anthropic/claude-haiku-4-5', tools, limits, instructions, loops, budget: { softLimit: 0 } };

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({
    config: { ...bot, agents: { ...bot.agents, claude } },
    files: { 'tools.ts': SLOW_TOOLS + READ },
    script: route([
      {
        user: 'sixteen',
        play: ({ index }) => ({
          call: Array.from({ length: 16 }, (_, call) => ({
            tool: 'counted',
            args: { name: `sixteen ${index}.${call}` },
          })),
        }),
      },
      { user: 'slow tool', play: { call: [{ tool: 'deaf', args: { name: 'slow' } }] } },
      { user: 'hang', play: { hang: true, of: { say: 'Nobody reads this.' } } },
      { play: endless },
    ]),
  });
});

afterAll(() => stack.close());

async function statusOf(session: Session): Promise<string> {
  return (await session.handle.describe()).status.name;
}

function postedOf(records: readonly ChainedRecord[]): { usdNano: number; tokens: number } {
  const posted = payloads(records, 'llm_call').map((call) => call.posted);
  return {
    usdNano: posted.reduce((sum, one) => sum + one.usd_nano, 0),
    tokens: posted.reduce((sum, one) => sum + one.tokens, 0),
  };
}

/**
 * What the next call would have to reserve, computed from the records alone: what the provider counted last, the bytes
 * of what came since, the frames, and the smallest useful answer.
 */
function neededTokens(records: readonly ChainedRecord[]): number {
  const last = payloads(records, 'llm_call').at(-1);
  const results = payloads(records, 'tool_call').slice(-(last?.tool_calls_asked ?? 0));
  const news = results.map(({ result, call_id, tool }) => (result?.bytes ?? 0) + call_id.length + tool.length);
  const counted = (last?.posted.tokens ?? 0) + MESSAGE_OVERHEAD_TOKENS * (1 + results.length);
  return news.reduce((sum, bytes) => sum + bytes + MESSAGE_OVERHEAD_TOKENS, counted + MIN_OUTPUT_TOKENS);
}

const KILLS = [
  { agent: 'bot', limits: { usd: 0.02 } },
  { agent: 'bot', limits: { usd: 0.11 } },
  { agent: 'bot', limits: { tokens: 12_000 } },
  { agent: 'bot', limits: { tokens: 40_000 } },
  { agent: 'claude', limits: { usd: 0.02 } },
  { agent: 'claude', limits: { usd: 0.06 } },
  { agent: 'claude', limits: { tokens: 12_000 } },
  { agent: 'claude', limits: { tokens: 40_000 } },
];

test('a session is killed before the call that could overshoot, and not long before', async () => {
  const before = stack.endpoint.calls.length;
  const sessions = await Promise.all(
    KILLS.map(({ agent, limits }, index) => stack.start({ agent, limits, input: `Conversation ${'x'.repeat(index)}` })),
  );
  const shares = { usd: 0, tokens: 0 };
  const logs = await Promise.all(
    sessions.map(async (session, index) => {
      const { limits } = KILLS[index] ?? { limits: {} };
      const reason = 'usd' in limits ? 'usd' : 'tokens';
      expect(await session.result()).toMatchObject({ outcome: 'killed', reason, answer: null });
      expect(await statusOf(session)).toBe('COMPLETED');
      const records = await stack.records(session.id);
      const [granted, posted, needed] = amounts(limits, records);
      expect(posted, `${session.id} posted`).toBeLessThanOrEqual(granted);
      if (posted < 0.9 * granted) expect(needed, `${session.id}: the next call fits`).toBeGreaterThan(granted - posted);
      const [exceeded] = payloads(records, 'budget_exceeded');
      expect(exceeded).toMatchObject({ reason, asi: 'ASI02', needed: { tokens: neededTokens(records) } });
      shares[reason] = Math.max(shares[reason], posted / granted);
      return records;
    }),
  );
  // The bound of the next call weighs less, the larger the limit.
  expect(shares.usd).toBeGreaterThan(0.9);
  expect(shares.tokens).toBeGreaterThan(0.9);
  expectBilled(logs, stack.endpoint.calls.slice(before));
});

function amounts(
  limits: { usd?: number; tokens?: number },
  records: readonly ChainedRecord[],
): [number, number, number] {
  const posted = postedOf(records);
  const needed = payloads(records, 'budget_exceeded')[0]?.needed;
  if (limits.usd !== undefined) return [usdToNano(limits.usd), posted.usdNano, needed?.usd_nano ?? 0];
  return [limits.tokens ?? 0, posted.tokens, needed?.tokens ?? 0];
}

/** What all sessions posted is what the endpoint billed, model by model, to the token and the nano-USD. */
function expectBilled(logs: readonly ChainedRecord[][], calls: readonly BilledCall[]): void {
  for (const { contract } of stack.worker.contracts) {
    const { provider, name, price } = contract.model;
    const of = logs.filter(
      ([first]) => first?.event === 'session_started' && first.payload.model === `${provider}/${name}`,
    );
    const posted = of.map(postedOf);
    const billed = calls.filter(({ model }) => model === name);
    expect(billed.length).toBeGreaterThan(10);
    const tokens = billed.reduce((sum, call) => sum + call.inputTokens + call.outputTokens, 0);
    expect(posted.reduce((sum, one) => sum + one.tokens, 0)).toBe(tokens);
    const tier = price?.tiers[0];
    const inputUsdPerMillion = (tier?.inputPicoUsd ?? 0) / 1e6;
    const outputUsdPerMillion = (tier?.outputPicoUsd ?? 0) / 1e6;
    const usdNano = billUsdNano(billed, { inputUsdPerMillion, outputUsdPerMillion });
    expect(posted.reduce((sum, one) => sum + one.usdNano, 0)).toBe(usdNano);
  }
  expect(stack.endpoint.unbilled).toEqual([]);
}

test.each([
  { limits: { usd: 0 }, reason: 'usd', events: ['session_started', 'budget_exceeded', 'session_ended'] },
  { limits: { tokens: 0 }, reason: 'tokens', events: ['session_started', 'budget_exceeded', 'session_ended'] },
  {
    limits: { maxToolCalls: 0 },
    reason: 'max_tool_calls',
    events: ['session_started', 'llm_admitted', 'llm_call', 'budget_exceeded', 'session_ended'],
  },
])('zero is a budget: $limits', async ({ limits, reason, events }) => {
  const session = await stack.start({ limits });
  expect(await session.result()).toMatchObject({ outcome: 'killed', reason });
  expect((await stack.records(session.id)).map(({ event }) => event)).toEqual(events);
});

test('of sixteen parallel calls under a limit of five, five run', async () => {
  const session = await stack.start({ input: 'sixteen', limits: { maxToolCalls: 5 } });
  expect(await session.result()).toMatchObject({
    outcome: 'killed',
    reason: 'max_tool_calls',
    budget: { tool_calls: 5 },
  });
  const runs = await readFile(join(stack.dir, 'runs.log'), 'utf8');
  expect(runs.split('\n').filter((line) => line.startsWith('start sixteen'))).toHaveLength(5);
  const records = await stack.records(session.id);
  for (const { budget } of records) expect(budget.tool_calls + budget.tool_calls_reserved).toBeLessThanOrEqual(5);
  expect(payloads(records, 'budget_exceeded')).toMatchObject([{ reason: 'max_tool_calls', needed: { tool_calls: 1 } }]);
});

test('sixteen parallel calls under a limit of thirty-seven: two rounds, and five of the third', async () => {
  const session = await stack.start({ input: 'sixteen more', limits: { maxToolCalls: 37 } });
  expect(await session.result()).toMatchObject({ outcome: 'killed', budget: { tool_calls: 37 } });
  const admitted = payloads(await stack.records(session.id), 'tool_admitted');
  expect(admitted).toHaveLength(37);
});

test('a wall clock that ends during a call that hangs kills, and posts the worst case', async () => {
  const session = await stack.start({ input: 'hang', limits: { wallSeconds: 2 } });
  const result = await session.result();
  expect(result).toMatchObject({ outcome: 'killed', reason: 'wall_seconds', limits: { wallSeconds: 2 } });
  expect(await statusOf(session)).toBe('COMPLETED');
  const records = await stack.records(session.id);
  expect(payloads(records, 'budget_exceeded')).toMatchObject([{ reason: 'wall_seconds', asi: 'ASI08' }]);
  const [admitted] = payloads(records, 'llm_admitted');
  const calls = payloads(records, 'llm_call');
  expect(calls).toHaveLength(1);
  expect(calls[0]?.posted).toEqual(admitted?.reserved);
  expect(nanoToUsd(postedOf(records).usdNano)).toBe(result.budget.usd_used);
  expect(result.budget.wall_elapsed).toBeLessThan(3);
});

test('a wall clock that ends during a tool kills, and no model is asked for the moment that is left', async () => {
  const session = await stack.start({ input: 'slow tool', limits: { wallSeconds: 4 } });
  expect(await session.result()).toMatchObject({
    outcome: 'killed',
    reason: 'wall_seconds',
    budget: { tool_calls: 1 },
  });
  // The tool's own end and the session's come in the same moment: either may be first.
  expect((await stack.records(session.id)).map(({ event }) => event).toSorted()).toEqual([
    'budget_exceeded',
    'llm_admitted',
    'llm_call',
    'session_ended',
    'session_started',
    'tool_admitted',
    'tool_call',
  ]);
});

test('with failOnKill a kill fails the workflow, with the result in its details', async () => {
  const session = await stack.start({ limits: { tokens: 3_000 }, failOnKill: true });
  const failed = await session.handle.result().catch((thrown: unknown) => thrown);
  expect(failed).toBeInstanceOf(WorkflowFailedError);
  const { cause } = failed as WorkflowFailedError;
  expect(cause).toBeInstanceOf(ApplicationFailure);
  expect(cause).toMatchObject({ type: 'SESSION_KILLED', nonRetryable: true });
  expect((cause as ApplicationFailure).details).toMatchObject([
    { sessionId: session.id, outcome: 'killed', reason: 'tokens' },
  ]);
  expect(await statusOf(session)).toBe('FAILED');
  expect(await session.result()).toMatchObject({ outcome: 'killed', reason: 'tokens' });
});
