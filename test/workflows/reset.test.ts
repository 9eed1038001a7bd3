import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { ChainedRecord, Events } from '../../src/core/record.ts';
import type { Turn } from '../../src/model-endpoint/index.ts';
import { reset } from '../fixtures/workflows/reset.ts';
import { botConfig, type Stack, startStack, toolsModule } from '../harness/stack.ts';

const TOOLS = toolsModule(`
import { existsSync, writeFileSync } from 'node:fs';
export const look = defineTool({ description: 'Looks.', input: z.object({}), execute: () => 'seen' });
export const hang = defineTool({
  description: 'Hangs, the first time.',
  input: z.object({ flag: z.string() }),
  execute: async ({ flag }) => {
    if (existsSync(flag)) return 'at once';
    writeFileSync(flag, '');
    await new Promise((resolve) => setTimeout(resolve, 60_000));
    return 'late';
  },
});`);

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({
    files: { 'tools.ts': TOOLS },
    script: (turn: Turn) => {
      if (turn.index >= 2) return { say: 'Done.' };
      const [what, flag] = turn.lastUserText.split(' ');
      return what === 'hang' && turn.index === 1
        ? { call: [{ tool: 'hang', args: { flag } }] }
        : {
            call: [
              { tool: 'look', args: {} },
              { tool: 'look', args: {} },
            ],
          };
    },
    config: botConfig({ tools: { look: { module: './tools.ts' }, hang: { module: './tools.ts' } } }),
  });
});
afterAll(() => stack.close());

type Of<E extends keyof Events> = Extract<ChainedRecord, { event: E }>;
function of<E extends keyof Events>(records: readonly ChainedRecord[], event: E): Of<E>[] {
  return records.filter((record): record is Of<E> => record.event === event);
}

/** What the model's endpoint billed in nano-USD is what the ledger posted: nothing is spent and forgotten. */
const modelCalls = (records: readonly ChainedRecord[]): number =>
  of(records, 'llm_call').filter(({ payload }) => payload.outcome === 'ok').length;

test('a session that was reset goes on with its log, and with all that it has spent', async () => {
  const session = await stack.start({ input: 'look' });
  await session.result();
  const before = await stack.records(session.id);
  const billed = stack.endpoint.calls.length;

  await reset(stack.client, session, 2);
  const result = await session.result();
  const after = await stack.records(session.id);

  expect(after.slice(0, before.length)).toEqual(before);
  const [taken] = of(after, 'session_reset');
  const [first, last] = [before[0], after.at(-1)];
  expect(taken).toMatchObject({
    seq: before.length,
    run_id: last?.run_id,
    payload: { from_run_id: first?.run_id, to_run_id: last?.run_id, in_flight: 0 },
  });
  expect(taken?.run_id).not.toBe(first?.run_id);
  expect(result).toMatchObject({ outcome: 'answered', records: after.length });
  // The calls that were made again were paid again, and both times count.
  expect(stack.endpoint.calls.length).toBeGreaterThan(billed);
  expect(modelCalls(after)).toBe(modelCalls(before) + stack.endpoint.calls.length - billed);
  expect(result.budget.usd_used).toBeGreaterThan(before.at(-1)?.budget.usd_used ?? 0);
  expect((await session.view()).budget.usd_used).toBe(result.budget.usd_used);
});

test('a session that was reset to its beginning goes on too, and may be reset again', async () => {
  const session = await stack.start({ input: 'look' });
  await session.result();
  const before = await stack.records(session.id);
  await reset(stack.client, session, 0);
  await session.result();
  const between = await stack.records(session.id);
  await reset(stack.client, session, 3);
  await session.result();
  const after = await stack.records(session.id);

  expect(between.slice(0, before.length)).toEqual(before);
  expect(after.slice(0, between.length)).toEqual(between);
  expect(of(after, 'session_started')).toHaveLength(1);
  expect(of(after, 'session_reset').map(({ payload }) => payload.from_run_id)).toEqual([
    before[0]?.run_id,
    between.at(-1)?.run_id,
  ]);
  expect(new Set(after.map(({ principal }) => principal)).size).toBe(1);
});

test('what a reset leaves no budget for is not done', async () => {
  const limits = { usd: 1, maxToolCalls: 5 };
  const session = await stack.start({ input: 'look', limits });
  await session.result();
  await reset(stack.client, session, 1);
  const result = await session.result();
  expect(result).toMatchObject({ outcome: 'killed', reason: 'max_tool_calls' });
  expect(result.budget.tool_calls).toBeLessThanOrEqual(limits.maxToolCalls);
  const tools = of(await stack.records(session.id), 'tool_call').map(({ payload }) => payload.posted.tool_calls);
  expect(tools.reduce((sum, calls) => sum + calls, 0)).toBe(result.budget.tool_calls);
});

test('a call in flight when a session is reset is posted at its worst case', async () => {
  const flag = join(stack.dir, 'hang.flag');
  const session = await stack.start({ input: `hang ${flag}` });
  await vi.waitFor(() => expect(existsSync(flag)).toBe(true), { timeout: 20_000, interval: 50 });
  await reset(stack.client, session, 3);
  const result = await session.result();

  expect(result.outcome).toBe('answered');
  const records = await stack.records(session.id);
  const [taken] = of(records, 'session_reset');
  expect(taken?.payload.in_flight).toBe(1);
  const lost = of(records, 'tool_call').find(({ payload }) => payload.error?.code === 'SESSION_RESET');
  expect(lost).toMatchObject({
    seq: (taken?.seq ?? 0) + 1,
    payload: { tool: 'hang', ok: false, outcome: 'unknown', posted: { tool_calls: 1 } },
  });
});

test('a session that was terminated can be taken up again by a reset', async () => {
  const flag = join(stack.dir, 'terminated.flag');
  const session = await stack.start({ input: `hang ${flag}` });
  await vi.waitFor(() => expect(existsSync(flag)).toBe(true), { timeout: 20_000, interval: 50 });
  await session.handle.terminate('too long');
  await reset(stack.client, session, -1);
  expect(await session.result()).toMatchObject({ outcome: 'answered' });
});
