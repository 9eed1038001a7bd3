import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loop, type Play } from '../../src/model-endpoint/index.ts';
import { askThenDone, body, calls, raw } from '../fixtures/workflows/model-answers.ts';
import { type FaultCase, type FaultyModel, only, type Run, startFaultyModel, told } from '../harness/faulty-model.ts';
import { settlesEveryCall } from '../suites/settled-calls.ts';

const BAD_BODIES: Readonly<Record<string, Play>> = {
  'a body that is not JSON': raw('<html>busy</html>'),
  'an empty body': raw(''),
  'no choices': raw(
    JSON.stringify({ id: 'x', object: 'chat.completion', created: 1, model: 'm', choices: [], usage: {} }),
  ),
  'choices that are no list': raw('{"choices":{"0":{}}}'),
  'an error with status 200': raw('{"error":{"message":"out of order"}}'),
  'a body that is null': raw('null'),
  '202 and text': raw('accepted', 202),
  'a content that is a number': raw(body({ content: 5 })),
  'a body of 20,000 levels': raw(`${'['.repeat(20_000)}${']'.repeat(20_000)}`),
  '5 MB of text': raw(body({ content: 'x'.repeat(5_000_000) })),
  '3,000 calls': raw(calls(Array.from({ length: 3_000 }, () => ({ name: 'n'.repeat(256), args: '{}' })))),
  'a redirect': () => raw('', 302, { location: elsewhere.url }),
};

const CASES: Readonly<Record<string, FaultCase>> = {
  ...Object.fromEntries(Object.entries(BAD_BODIES).map(([name, play]) => [name, { play }])),
  'a long answer': { play: loop({ say: 'word '.repeat(70_000) }) },
  'an empty answer': { play: loop({ say: '' }) },
  'an answer with a lone surrogate': { play: loop(raw(body({ content: 'a\ud800b' }))) },
  'a finish reason with a lone surrogate': { play: loop(raw(body({ content: 'Done.' }, { finish_reason: '\ud800' }))) },
  'a finish reason cut in an emoji': {
    play: loop(raw(body({ content: 'Done.' }, { finish_reason: `${'f'.repeat(63)}😀` }))),
  },
  'a finish reason of 3 MB': { play: loop(raw(body({ content: 'Done.' }, { finish_reason: 'f'.repeat(3_000_000) }))) },
  'the same id': {
    play: askThenDone(['call_1', 'call_1', 'call_1', 'odd id', 'call_5'].map((id) => ({ tool: 'note', id, args: {} }))),
  },
  'long ids': {
    play: askThenDone(
      Array.from({ length: 20 }, (_, index) => ({ tool: 'note', id: `${index}`.padEnd(128, '.x-y'), args: {} })),
    ),
  },
  'odd tool names': {
    play: askThenDone(
      ['n'.repeat(10_000), `${'n'.repeat(126)}😀 and more`, 'functions.note', 'löschen', '\u001b[31m'].map((tool) => ({
        tool,
        args: {},
      })),
    ),
  },
  'a key cut in an emoji': { play: askThenDone([{ tool: 'note', args: { [`${'k'.repeat(126)}😀 and more`]: 1 } }]) },
  'a complaint cut in an emoji': {
    play: askThenDone(
      [0, 1].map((shift) => ({ tool: 'strict', args: { id: 'a', [`${'k'.repeat(shift)}${'😀'.repeat(5_000)}`]: 1 } })),
    ),
  },
};

interface Elsewhere {
  readonly url: string;
  readonly requests: readonly string[];
  readonly close: () => void;
}

let elsewhere: Elsewhere;
let model: FaultyModel;
const run = (name: string): Promise<Run> => model.run(name);

beforeAll(async () => {
  elsewhere = await startElsewhere();
  model = await startFaultyModel(CASES);
});
afterAll(async () => {
  elsewhere.close();
  await model.close();
});

/** Where a redirect points to. It must never be asked. */
async function startElsewhere(): Promise<Elsewhere> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(request.url ?? '');
    response.end(body({ content: 'from elsewhere' }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/chat/completions`;
  return { url, requests, close: () => void server.close() };
}

settlesEveryCall(Object.keys(CASES), run);

describe('odd answers', () => {
  test.each(Object.keys(BAD_BODIES))('%s ends the session as MODEL_FAILED, paid in full', async (name) => {
    const ran = await run(name);
    expect(ran.end).toMatchObject({ outcome: 'failed', reason: 'MODEL_FAILED' });
    expect(ran.turns).toHaveLength(1);
    const [admitted] = only(ran, 'llm_admitted');
    expect(only(ran, 'llm_call')).toMatchObject([{ posted: admitted?.reserved }]);
  });

  test('a redirect is not followed', async () => {
    await run('a redirect');
    expect(elsewhere.requests).toEqual([]);
  });

  test('an answer over 256 KB is cut', async () => {
    const { end } = await run('a long answer');
    expect(end.answer).toMatch(/cut at 262144 of 350000 bytes$/);
  });

  test('an empty answer is an answer', async () => {
    expect((await run('an empty answer')).end).toMatchObject({ outcome: 'answered', answer: '' });
  });

  test('a lone surrogate in an answer is replaced', async () => {
    expect((await run('an answer with a lone surrogate')).end).toMatchObject({
      outcome: 'answered',
      answer: 'a\ufffdb',
    });
  });

  test.each(['a finish reason with a lone surrogate', 'a finish reason cut in an emoji', 'a finish reason of 3 MB'])(
    '%s harms nothing',
    async (name) => {
      expect((await run(name)).end).toMatchObject({ outcome: 'answered', answer: 'Done.' });
    },
  );

  test.each(['odd tool names', 'a key cut in an emoji', 'a complaint cut in an emoji', 'long ids'])(
    '%s harm nothing',
    async (name) => {
      expect((await run(name)).end).toMatchObject({ outcome: 'answered', answer: 'Done.' });
    },
  );

  test('a refusal is short, whatever was refused', async () => {
    const ran = await run('a complaint cut in an emoji');
    const whys = only(ran, 'tool_denied').map(({ why }) => why);
    expect(whys).toHaveLength(2);
    for (const why of whys) expect(why.length).toBeLessThanOrEqual(1_000);
    for (const text of told(ran)) expect(text.length).toBeLessThan(1_200);
  });

  test('names that a provider would not take are not sent back to it', async () => {
    const { turns: asked } = await run('odd tool names');
    const names = asked.at(-1)?.turn.messages.flatMap(({ toolCalls }) => toolCalls.map(({ tool }) => tool));
    expect(names).toHaveLength(5);
    for (const name of names ?? []) expect(name).toMatch(/^[a-zA-Z0-9_-]{1,64}$/);
  });

  test('calls with the same id get one each', async () => {
    const ran = await run('the same id');
    const ids = ran.turns.at(-1)?.turn.lastToolResults.map(({ callId }) => callId);
    expect(new Set(ids).size).toBe(5);
    expect(told(ran)).toEqual(Array.from({ length: 5 }, () => 'noted'));
  });

  test('3,000 are no answer', async () => {
    expect(only(await run('3,000 calls'), 'llm_call')).toMatchObject([
      { outcome: 'error', error: { code: 'TOO_MANY_CALLS' } },
    ]);
  });
});
