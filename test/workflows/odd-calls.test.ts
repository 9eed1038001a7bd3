import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ChainedRecord } from '../../src/core/record.ts';
import { sequence } from '../../src/model-endpoint/index.ts';
import { askThenDone, calls, DONE, raw } from '../fixtures/workflows/model-answers.ts';
import { type FaultCase, type FaultyModel, only, type Run, startFaultyModel, told } from '../harness/faulty-model.ts';
import { settlesEveryCall } from '../suites/settled-calls.ts';

const ARGUMENTS: Readonly<Record<string, string>> = {
  'not JSON': '{"a":',
  text: '"x"',
  null: 'null',
  'a list': '[1]',
  __proto__: '{"__proto__":{"admin":true}}',
  'inner __proto__': '{"a":{"__proto__":{"admin":true}}}',
  deep: `{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}`,
  '1e400': '{"n":1e400}',
  '2^53+1': '{"n":9007199254740993}',
  'a lone surrogate': '{"s":"\\ud800"}',
  'a key with a lone surrogate': '{"\\udc00":1}',
  '200 KB': `{"s":"${'x'.repeat(200_000)}"}`,
};

const CASES: Readonly<Record<string, FaultCase>> = {
  'no such tool': { play: askThenDone([{ tool: 'wipe_disk', args: {} }]) },
  'breaks the schema': {
    play: askThenDone([
      { tool: 'strict', args: { id: 7 } },
      { tool: 'strict', args: { id: 'a', more: 1 } },
    ]),
  },
  'bad arguments': {
    play: sequence([raw(calls(Object.values(ARGUMENTS).map((args) => ({ name: 'note', args })))), DONE]),
  },
  'no arguments': { play: askThenDone([{ tool: 'note', rawArguments: '' }]) },
  '200 calls': { play: askThenDone(Array.from({ length: 200 }, (_, index) => ({ tool: 'note', args: { index } }))) },
  '200 denied': {
    play: askThenDone(Array.from({ length: 200 }, (_, index) => ({ tool: `no_${index}`, args: { index } }))),
  },
  'too much together': {
    play: sequence([
      raw(calls(Array.from({ length: 20 }, () => ({ name: 'note', args: `{"s":"${'x'.repeat(120_000)}"}` })))),
      DONE,
    ]),
  },
  'numbers that grow': {
    play: sequence([
      raw(calls(Array.from({ length: 8 }, () => ({ name: 'note', args: `{"n":[${'1e15,'.repeat(20_000)}1]}` })))),
      DONE,
    ]),
  },
  'a few numbers that grow': { play: askThenDone([{ tool: 'note', rawArguments: `{"n":[${'1e15,'.repeat(300)}1]}` }]) },
  'anthropic bad arguments': {
    agent: 'claude',
    play: askThenDone([
      { tool: 'note', args: 7 },
      { tool: 'löschen', args: {} },
    ]),
  },
};

let model: FaultyModel;
const run = (name: string): Promise<Run> => model.run(name);

/** Most runs of the tool at once, of all sessions: the tools module counts them where a test of the same process can read it. */
const counted = globalThis as { notesInFlight?: number };

beforeAll(async () => {
  counted.notesInFlight = 0;
  model = await startFaultyModel(CASES);
});
afterAll(() => model.close());

settlesEveryCall(Object.keys(CASES), run);

describe('refused calls', () => {
  test('a tool that does not exist is refused, and the model is told', async () => {
    const ran = await run('no such tool');
    expect(told(ran)).toEqual([expect.stringMatching(/not_registered.*wipe_disk.*note, strict/)]);
    expect(ran.end).toMatchObject({ outcome: 'answered', answer: 'Done.' });
  });

  test('arguments that break the schema are refused with what is wrong', async () => {
    const ran = await run('breaks the schema');
    expect(told(ran)).toEqual([
      expect.stringMatching(/invalid_arguments.*id/),
      expect.stringMatching(/invalid_arguments.*more/),
    ]);
  });

  test('arguments that are no safe JSON object are refused, one by one', async () => {
    const ran = await run('bad arguments');
    expect(only(ran, 'tool_denied').map(({ reason }) => reason)).toEqual(
      Object.keys(ARGUMENTS).map(() => 'invalid_arguments'),
    );
    expect(told(ran)).toHaveLength(Object.keys(ARGUMENTS).length);
    expect(only(ran, 'tool_call')).toEqual([]);
    expect(ran.end).toMatchObject({ outcome: 'answered', answer: 'Done.' });
  });

  test('no arguments are an empty object', async () => {
    expect(told(await run('no arguments'))).toEqual(['noted']);
  });

  test('arguments that are too large together are refused from there on', async () => {
    const ran = await run('too much together');
    expect(only(ran, 'tool_call')).toHaveLength(8);
    expect(only(ran, 'tool_denied').map(({ why }) => why)).toEqual(
      Array.from({ length: 12 }, () => expect.stringMatching(/too large together/)),
    );
  });

  test.each(['numbers that grow', 'a few numbers that grow'])(
    '%s when they are written out do not break the bound',
    async (name) => {
      const ran = await run(name);
      expect(told(ran).every((text) => text.includes('write them out'))).toBe(true);
      expect(ran.end).toMatchObject({ outcome: 'answered', answer: 'Done.' });
    },
  );
});

describe('many calls in one answer', () => {
  test('200 run, 16 at a time at most', async () => {
    const ran = await run('200 calls');
    expect(ran.end).toMatchObject({ outcome: 'answered', budget: { tool_calls: 200 } });
    expect(told(ran)).toEqual(Array.from({ length: 200 }, () => 'noted'));
    expect(counted.notesInFlight).toBeGreaterThan(1);
    expect(counted.notesInFlight).toBeLessThanOrEqual(16 * Object.keys(CASES).length);
    expect(peakOf(ran.records)).toBe(16);
    expect(ran.events).toBeLessThan(2_500);
    expect(ran.historyBytes).toBeLessThan(5_000_000);
  });

  test('200 denied cost no activity but for the storing of their records', async () => {
    const ran = await run('200 denied');
    expect(only(ran, 'tool_denied')).toHaveLength(200);
    expect(told(ran)).toHaveLength(200);
    expect(ran.events).toBeLessThan(80);
    expect(ran.historyBytes).toBeLessThan(1_000_000);
  });
});

/** Most tool calls that were in flight at once. */
function peakOf(records: readonly ChainedRecord[]): number {
  let now = 0;
  let peak = 0;
  for (const { event } of records) {
    if (event === 'tool_admitted') peak = Math.max(peak, ++now);
    if (event === 'tool_call') now -= 1;
  }
  return peak;
}
