import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Difference, WhatIf } from '../../src/audit/what-if-report.ts';
import { generatePayloadKey } from '../../src/codec/keys.ts';
import type { Stack } from '../harness/stack.ts';
import { aegrailProcess, type End, folder } from './kit.ts';
import { type ReplayStack, startReplayStack } from './replay-stack.ts';

let replayed: ReplayStack;
let stack: Stack;
let answered: string;

beforeAll(async () => {
  replayed = await startReplayStack();
  ({ stack, answered } = replayed);
});

afterAll(() => stack.close());

const replay = (...args: string[]): Promise<End> => replayed.replay(...args);
const historyFile = (id: string, runId?: string): Promise<string> => replayed.historyFile(id, runId);

/** What a session would have been. */
async function whatIf(...args: string[]): Promise<WhatIf> {
  const { code, out, err } = await replay(...args, '--json');
  expect({ code, err }).toEqual({ code: 0, err: expect.not.stringMatching(/error/) as string });
  return JSON.parse(out) as WhatIf;
}

const told = ({ name, was, wouldBe }: Difference): unknown[] => [name, was.what, wouldBe.what, wouldBe.reason];

describe('under other rules', () => {
  test('what would have been denied, in words', async () => {
    const { code, out } = await replay(answered, '--with-policy', 'stricter.json');
    const lines = out.trimEnd().split('\n');
    expect(code).toBe(0);
    expect(lines).toEqual([
      expect.stringMatching(
        /^as it was: answered, 0\.\d+ USD, 2 tool calls; would have been: answered, 0\.\d+ USD, 1 tool call$/,
      ),
      expect.stringMatching(
        /^ {3}4 {2}[\d:.]{12} {2}refund: ran -> denied \(predicate_false\): The rule of refund says no: args.amount <= 50$/,
      ),
      expect.stringMatching(/^note: Where a call would have been denied/),
    ]);
  });

  test('by a rule in TypeScript, and what would have run', async () => {
    const small = await whatIf(answered, '--with-policy', 'small.json');
    expect(small.differences.map(told)).toEqual([['refund', 'ran', 'denied', 'predicate_false']]);
    const laxer = await whatIf(answered, '--with-policy', 'laxer.json');
    expect(laxer.differences.map(told)).toEqual([['refund', 'denied', 'ran', null]]);
    expect(laxer.wouldBe.toolCalls).toBe(laxer.was.toolCalls + 1);
  });

  test('where it would have been killed', async () => {
    const file = await historyFile(answered);
    const found = await whatIf(file, '--with-limits', 'maxToolCalls=1,usd=none');
    expect(found).toMatchObject({
      rules: { policy: null, prices: null, limits: { maxToolCalls: 1, usd: null } },
      was: { outcome: 'answered', toolCalls: 2 },
      wouldBe: { outcome: 'killed', reason: 'max_tool_calls', seq: 4, toolCalls: 1 },
    });
    expect(found.differences.map(told)).toEqual([
      ['refund', 'ran', 'killed', 'max_tool_calls'],
      ['refund', 'denied', 'not_happened', null],
      ['openai/gpt-5.4-mini', 'ran', 'not_happened', null],
    ]);
    const killed = await stack.start({ input: 'Loop.' });
    await killed.result();
    const more = await replay(killed.id, '--with-limits', 'maxToolCalls=20');
    expect(more.out).toMatch(
      /^as it was: killed \(max_tool_calls\) at record \d+, .*; would have been: not known from record \d+ on, /,
    );
  });

  test('what it would have cost: twice the price is twice the cost', async () => {
    const found = await whatIf(answered, '--with-prices', 'dearer.json');
    expect(found.was.usdNano).toBeGreaterThan(0);
    expect(found.wouldBe).toEqual({ ...found.was, usdNano: 2 * found.was.usdNano });
    expect(found.differences.map(({ was, wouldBe }) => (wouldBe.usdNano ?? 0) / (was.usdNano ?? 1))).toEqual([2, 2]);
  });

  test('all of them at once, of a session that was reset', async () => {
    const session = await stack.start({});
    await session.result();
    const { events } = await session.handle.fetchHistory();
    const tasks = (events ?? []).filter(({ workflowTaskCompletedEventAttributes: completed }) => completed);
    await stack.client.workflowService.resetWorkflowExecution({
      namespace: 'default',
      workflowExecution: { workflowId: session.id },
      reason: 'for the test',
      workflowTaskFinishEventId: tasks.at(2)?.eventId ?? null,
      requestId: randomUUID(),
    });
    await session.result();
    const records = await stack.records(session.id);
    const runs = [...new Set(records.map(({ run_id }) => run_id))];
    expect(runs).toHaveLength(2);
    expect(await replay(session.id)).toMatchObject({ code: 0, out: expect.stringMatching(/^equal/) as string });
    const files = await Promise.all(runs.map((run) => historyFile(session.id, run)));
    const found = await whatIf(
      ...files.toReversed(),
      '--with-policy',
      'stricter.json',
      '--with-prices',
      'dearer.json',
      '--with-limits',
      'usd=0.5',
    );
    const denied = found.differences.filter(({ wouldBe }) => wouldBe.what === 'denied');
    expect(denied.map(({ seq }) => records[seq]?.event)).toEqual(['tool_admitted', 'tool_admitted']);
    expect(found.wouldBe).toMatchObject({ outcome: 'answered', toolCalls: 2, usdNano: 2 * found.was.usdNano });
    expect(found.was.toolCalls).toBe(4);
    const [, last = ''] = files;
    const alone = await replay(last);
    expect(alone).toMatchObject({ code: 2, out: '' });
    expect(alone.err).toContain(`give that of its run ${runs[0]} too`);
  });
});

test(
  'of a session whose payloads are encrypted, with its keys and not without them',
  { timeout: 120_000 },
  async () => {
    const sealed = await startReplayStack(generatePayloadKey('k1'));
    try {
      const file = await sealed.historyFile(sealed.answered);
      const history = readFileSync(join(sealed.stack.dir, file), 'utf8');
      expect(history).toContain(Buffer.from('binary/encrypted').toString('base64'));
      const { code, out } = await sealed.replay(file, '--with-policy', 'stricter.json', '--json');
      expect(code).toBe(0);
      expect((JSON.parse(out) as WhatIf).differences.map(told)).toEqual([
        ['refund', 'ran', 'denied', 'predicate_false'],
      ]);
      const elsewhere = folder({ 'history.json': history });
      const blind = await aegrailProcess(['audit', 'replay', 'history.json', '--with-limits', 'usd=1'], {
        cwd: elsewhere,
      });
      expect(blind).toMatchObject({ code: 1, out: '' });
      expect(blind.err).toContain('encrypted');
      expect(blind.err).not.toMatch(/\n\s+at /);
    } finally {
      await sealed.stack.close();
    }
  },
);
