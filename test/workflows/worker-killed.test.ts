import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Aegrail, type Session } from '../../src/client.ts';
import type { ChainedRecord } from '../../src/core/record.ts';
import { byAttempt, route, sequence } from '../../src/model-endpoint/index.ts';
import type { SessionResult } from '../../src/protocol.ts';
import { startDoomedWorker } from '../fixtures/workflows/doomed-worker.ts';
import { payloads } from '../fixtures/workflows/payloads.ts';
import { startSecondWorker } from '../fixtures/workflows/second-worker.ts';
import { SLOW_TOOLS } from '../fixtures/workflows/slow-tools.ts';
import { until } from '../fixtures/workflows/until.ts';
import { checkSession } from '../harness/check-session.ts';
import { botConfig, type Stack, startStack } from '../harness/stack.ts';

const LIMITS = { usd: 1, tokens: 200_000, maxToolCalls: 100 };
/** Turns of the session that never stops writing. */
const BUSY_TURNS = 30;

/** Hangs while there is no file `killed`: only the first worker meets it so. */
const STEADY = `
import { existsSync } from 'node:fs';
export const steady = defineTool({
  description: 'Idempotent: may run again with the same key.',
  input: named,
  async execute({ name }, { idempotencyKey }) {
    note('start ' + name + ' ' + idempotencyKey);
    if (!existsSync(new URL('killed', import.meta.url))) await delay(120_000, undefined, { ref: false });
    return 'steady is done';
  },
});
export const late = defineTool({
  description: 'Has no effect for a long time.',
  input: named,
  async execute({ name }) {
    await delay(120_000, undefined, { ref: false });
    note('start ' + name);
    return 'done';
  },
});`;

const bot = botConfig({
  limits: { ...LIMITS, wallSeconds: 600 },
  tools: {
    deaf: { module: './tools.ts', timeoutSeconds: 100 },
    steady: { module: './tools.ts', timeoutSeconds: 100, idempotent: true },
    counted: { module: './tools.ts' },
    late: { module: './tools.ts', timeoutSeconds: 200 },
  },
});
const thinker = { model: 'openai/gpt-5.4-nano', limits: { ...LIMITS, wallSeconds: 600 } };
const config = { ...bot, agents: { ...bot.agents, thinker } };

let stack: Stack;
/** The sessions that a worker was killed under, by what it was in the middle of. */
const sessions: Partial<Record<'once' | 'before' | 'steady' | 'model' | 'busy', Session>> = {};
const results: Partial<Record<keyof typeof sessions, SessionResult>> = {};
let stopSurvivor = (): Promise<void> => Promise.resolve();

beforeAll(async () => {
  stack = await startStack({
    config,
    files: { 'tools.ts': SLOW_TOOLS + STEADY },
    script: route([
      { model: 'nano', play: byAttempt([{ delayMs: 100_000, next: { say: 'Too late.' } }, { say: 'Asked again.' }]) },
      {
        user: 'once',
        play: sequence([
          { call: [{ tool: 'deaf', args: { name: 'once' } }] },
          ({ lastToolResults: [told] }) => ({ say: `I was told: ${told?.text}` }),
        ]),
      },
      {
        user: 'before',
        play: sequence([{ call: [{ tool: 'late', args: { name: 'before' } }] }, { say: 'Done.' }]),
      },
      {
        user: 'steady',
        play: sequence([
          { call: [{ tool: 'steady', args: { name: 'steady' } }] },
          ({ lastToolResults: [told] }) => ({ say: `I was told: ${told?.text}` }),
        ]),
      },
      {
        user: 'busy',
        play: ({ index }) =>
          index < BUSY_TURNS ? { call: [{ tool: 'counted', args: { name: `busy-${index}` } }] } : { say: 'Done.' },
      },
    ]),
  });
  const taskQueue = `${stack.taskQueue}-doomed`;
  const aegrail = new Aegrail(stack.client, { taskQueue });
  const doomed = await startDoomedWorker(stack, config, taskQueue);
  try {
    for (const name of ['once', 'before', 'steady', 'model', 'busy'] as const) {
      sessions[name] = await aegrail.start({
        agent: name === 'model' ? 'thinker' : 'bot',
        user: 'ann@acme.com',
        input: name,
      });
    }
    await until('all are in the middle of something', async () => {
      const log = await runs();
      const asked = stack.endpoint.calls.some(({ model }) => model === 'gpt-5.4-nano');
      const admitted = (await recordsOf('before')).some(({ event }) => event === 'tool_admitted');
      return asked && admitted && ['start once', 'start steady', 'start busy-5'].every((line) => log.includes(line));
    });
  } finally {
    await doomed.kill();
  }
  await writeFile(join(stack.dir, 'killed'), '');
  const survivor = await startSecondWorker(stack, config, { taskQueue, storeFile: 'store.db' });
  stopSurvivor = () => survivor.stop();
  await Promise.all(
    Object.entries(sessions).map(async ([name, session]) => {
      results[name as keyof typeof sessions] = await session.result();
    }),
  );
}, 60_000);

afterAll(async () => {
  await stopSurvivor();
  await stack.close();
});

async function runs(): Promise<string> {
  return readFile(join(stack.dir, 'runs.log'), 'utf8').catch(() => '');
}

async function recordsOf(name: keyof typeof sessions): Promise<ChainedRecord[]> {
  return stack.records(sessions[name]?.id ?? '');
}

test('a tool that is not idempotent is not run again: recorded as unknown, posted, and the model is told', async () => {
  expect(results.once).toMatchObject({
    outcome: 'answered',
    answer: expect.stringContaining('its end is not known: it may have taken effect') as string,
    budget: { tool_calls: 1 },
  });
  expect(payloads(await recordsOf('once'), 'tool_call')).toMatchObject([
    { outcome: 'unknown', ok: false, error: { code: 'WORKER_LOST' }, posted: { tool_calls: 1 } },
  ]);
  expect((await runs()).split('\n').filter((line) => line.startsWith('start once'))).toHaveLength(1);
});

test('a worker that dies between the admission and its effect leaves a log that says so: admitted, end unknown, posted', async () => {
  expect(await runs()).not.toContain('start before');
  const records = await recordsOf('before');
  const admission = records.find(({ event }) => event === 'tool_admitted');
  expect(payloads(records, 'tool_call')).toMatchObject([
    {
      reservation: admission?.seq,
      outcome: 'unknown',
      ok: false,
      error: { code: 'WORKER_LOST' },
      posted: { tool_calls: 1 },
    },
  ]);
});

test('an idempotent tool is run again with the same key, and both tries are paid for', async () => {
  expect(results.steady).toMatchObject({
    outcome: 'answered',
    answer: 'I was told: steady is done',
    budget: { tool_calls: 2 },
  });
  expect(payloads(await recordsOf('steady'), 'tool_call')).toMatchObject([
    { outcome: 'unknown', error: { code: 'WORKER_LOST' }, posted: { tool_calls: 1 } },
    { outcome: 'ok', posted: { tool_calls: 1 } },
  ]);
  const starts = (await runs()).split('\n').filter((line) => line.startsWith('start steady'));
  expect(starts).toHaveLength(2);
  expect(starts[0]).toBe(starts[1]);
  expect(starts[0]).toMatch(/^start steady [0-9a-f-]{36}$/);
});

test('a model call is posted at its worst case, and asked again', async () => {
  expect(results.model).toMatchObject({ outcome: 'answered', answer: 'Asked again.' });
  const records = await recordsOf('model');
  const [first, second] = payloads(records, 'llm_admitted');
  expect(payloads(records, 'llm_call')).toMatchObject([
    { outcome: 'unknown', usage_state: 'none', posted: first?.reserved, error: { code: 'WORKER_LOST' } },
    { outcome: 'ok', usage_state: 'reported' },
  ]);
  expect([first?.attempt, second?.attempt]).toEqual([1, 2]);
  const billed = stack.endpoint.calls.filter(({ model }) => model === 'gpt-5.4-nano');
  expect(billed).toHaveLength(2);
  const tokens = billed.reduce((sum, call) => sum + call.inputTokens + call.outputTokens, 0);
  expect(results.model?.budget.tokens_used).toBeGreaterThanOrEqual(tokens);
});

test('a session whose worker died in mid-write goes on, and no call of it ran twice', async () => {
  expect(results.busy).toMatchObject({ outcome: 'answered', answer: 'Done.' });
  const ran = (await runs()).split('\n').filter((line) => line.startsWith('start busy-'));
  expect(new Set(ran).size).toBe(ran.length);
  const admitted = payloads(await recordsOf('busy'), 'tool_admitted');
  expect(ran.length).toBeLessThanOrEqual(admitted.length);
  expect(ran.length).toBeGreaterThanOrEqual(BUSY_TURNS - 1);
});

test.each(['once', 'before', 'steady', 'model', 'busy'] as const)(
  'the log of %s verifies and regenerates, never above a limit',
  async (name) => {
    const records = await recordsOf(name);
    for (const { budget } of records) {
      expect(budget.usd_used + budget.usd_reserved).toBeLessThanOrEqual(LIMITS.usd);
      expect(budget.tokens_used + budget.tokens_reserved).toBeLessThanOrEqual(LIMITS.tokens);
      expect(budget.tool_calls + budget.tool_calls_reserved).toBeLessThanOrEqual(LIMITS.maxToolCalls);
    }
    expect(records.at(-1)).toMatchObject({ event: 'session_ended', payload: { records: records.length } });
    await checkSession(stack.client, sessions[name]?.id ?? '', records);
  },
);
