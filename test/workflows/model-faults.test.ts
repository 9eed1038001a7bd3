import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AegrailError } from '../../src/core/errors.ts';
import type { AuditRecord, ChainedRecord } from '../../src/core/record.ts';
import {
  billUsdNano,
  type BilledCall,
  byAttempt,
  loop,
  type Play,
  type ScriptedCall,
  sequence,
  type Step,
  type Turn,
} from '../../src/model-endpoint/index.ts';
import { type Stack, startStack, toolsModule } from '../harness/stack.ts';

/** A session that is not over after so long is taken for stuck. */
const STUCK_MS = 40_000;
const PRICE = { inputUsdPerMillion: 0.75, outputUsdPerMillion: 4.5 };

const TOOLS = toolsModule(`
let inFlight = 0;
export const note = defineTool({
  description: 'Notes anything.',
  input: z.looseObject({}),
  execute: async () => {
    inFlight += 1;
    globalThis.notesInFlight = Math.max(globalThis.notesInFlight ?? 0, inFlight);
    await new Promise((resolve) => setTimeout(resolve, 5));
    inFlight -= 1;
    return 'noted';
  },
});
export const strict = defineTool({ description: 'Wants an id.', input: z.strictObject({ id: z.string() }), execute: () => 'ok' });
`);

const DONE: Step = { say: 'Done.' };
/** Asks for calls first, and says that it is done when it has their results. */
const askThenDone = (call: readonly ScriptedCall[]): Play => sequence([{ call }, DONE]);

/** A body as an OpenAI-compatible server would send it. Without usage: it is billed by its bytes. */
function body(message: object, rest: object = {}): string {
  const choices = [
    { index: 0, message: { role: 'assistant', content: null, ...message }, finish_reason: 'stop', ...rest },
  ];
  return JSON.stringify({ id: 'x', object: 'chat.completion', created: 1, model: 'm', choices });
}

const raw = (text: string, status = 200, headers: Record<string, string> = {}): Step => ({
  raw: { status, body: text, headers: { 'content-type': 'application/json', ...headers } },
});

const calls = (list: readonly { id?: string; name: string; args: string }[]): string =>
  body(
    {
      tool_calls: list.map(({ id, name, args }, index) => ({
        id: id ?? `c${index}`,
        type: 'function',
        function: { name, arguments: args },
      })),
    },
    { finish_reason: 'tool_calls' },
  );

interface Case {
  readonly agent?: string;
  readonly play: Play;
}

const LIES: Readonly<Record<string, object>> = {
  negative: { completion_tokens: -5 },
  fractional: { prompt_tokens: 12.5 },
  text: { prompt_tokens: '12' },
  input: { prompt_tokens: 9_000_000, total_tokens: 9_000_010 },
  output: { completion_tokens: 9_000_000, total_tokens: 9_000_010 },
  huge: { prompt_tokens: 1e300 },
  details: { prompt_tokens_details: { cached_tokens: 1e6 } },
};

const BAD_BODIES: Readonly<Record<string, Step>> = {
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
  'a redirect': raw('', 302, { location: 'REDIRECT_TARGET' }),
};

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

const CASES: Readonly<Record<string, Case>> = {
  ...Object.fromEntries(
    Object.entries(LIES).map(([name, usage]) => [
      `lie ${name}`,
      { play: loop({ say: 'Hi.', usage: usage as Record<string, unknown> }) },
    ]),
  ),
  ...Object.fromEntries(Object.entries(BAD_BODIES).map(([name, step]) => [name, { play: loop(step) }])),
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
  'a long answer': { play: loop({ say: 'word '.repeat(70_000) }) },
  'an empty answer': { play: loop({ say: '' }) },
  'an answer with a lone surrogate': { play: loop(raw(body({ content: 'a\ud800b' }))) },
  'usage missing': { play: loop({ say: 'Hi.', usage: 'missing' }) },
  'a dearer tier': { play: loop({ say: 'Hi.', serviceTier: 'priority' }) },
  'a tier with a lone surrogate': { play: loop({ say: 'Hi.', serviceTier: 'a\ud800' }) },
  'a tier with a lone surrogate, unpriced': { agent: 'unpriced', play: loop({ say: 'Hi.', serviceTier: 'a\ud800' }) },
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
  'cut off': { play: byAttempt([{ truncate: true }, DONE]) },
  'cut off before the body': { play: byAttempt([{ truncate: 0 }, DONE]) },
  '401': { play: loop({ fail: { status: 401 } }) },
  '403 with odd words': {
    play: loop({
      fail: { status: 403, body: `{"error":{"message":"\\ud800${'w'.repeat(988)}😀${'w'.repeat(5000)}"}}` },
    }),
  },
  '400 of 1 MB': { play: loop({ fail: { status: 400, body: 'e'.repeat(1_000_000) } }) },
  '429 in seconds': { play: byAttempt([{ fail: { status: 429, retryAfterSeconds: 2 } }, DONE]) },
  '429 as a date': {
    play: byAttempt([
      () => ({ fail: { status: 429, headers: { 'retry-after': new Date(Date.now() + 3_000).toUTCString() } } }),
      DONE,
    ]),
  },
  '429 until tomorrow': { agent: 'brief', play: loop({ fail: { status: 429, retryAfterSeconds: 86_400 } }) },
  '429 for ever': {
    agent: 'brief',
    play: loop({ fail: { status: 429, headers: { 'retry-after': '9'.repeat(400) } } }),
  },
  '429 with nonsense': { play: byAttempt([{ fail: { status: 429, headers: { 'retry-after': 'soon; -1' } } }, DONE]) },
  '500, then an answer': { play: byAttempt([{ fail: { status: 500 } }, DONE]) },
  '503 twice, then an answer': { play: byAttempt([{ fail: { status: 503 } }, { fail: { status: 503 } }, DONE]) },
  '500 in the second turn': {
    play: sequence([{ call: [{ tool: 'note', args: {} }] }, byAttempt([{ fail: { status: 500 } }, DONE])]),
  },
  '502, then an answer': { play: byAttempt([{ fail: { status: 502 } }, DONE]) },
  '500 without end': { agent: 'brief', play: loop({ fail: { status: 500 } }) },
  'a hang, then an answer': { agent: 'impatient', play: byAttempt([{ hang: true, of: DONE }, DONE]) },
  'a hang without end': { agent: 'impatient', play: loop({ hang: true, of: DONE }) },
  'nobody listens': { agent: 'unreachable', play: loop(DONE) },
  'anthropic overloaded': { agent: 'claude', play: byAttempt([{ fail: { status: 529 } }, DONE]) },
  'anthropic bad arguments': {
    agent: 'claude',
    play: askThenDone([
      { tool: 'note', args: 7 },
      { tool: 'löschen', args: {} },
    ]),
  },
  'anthropic lie': { agent: 'claude', play: loop({ say: 'Hi.', usage: { output_tokens: -1 } }) },
};

/** How a session went, and what it cost. */
interface Run {
  readonly end: {
    readonly outcome: string;
    readonly reason: string | null;
    readonly answer?: string | null;
    readonly message?: string;
  };
  readonly records: readonly ChainedRecord[];
  /** What its requests to the model were. */
  readonly turns: readonly { readonly turn: Turn; readonly atMs: number }[];
  readonly billed: readonly BilledCall[];
  readonly events: number;
  readonly historyBytes: number;
  readonly failedTasks: readonly string[];
  readonly elapsedMs: number;
}

let stack: Stack;
let elsewhere: { readonly url: string; readonly requests: string[]; readonly close: () => void };
/** Agents with time enough. */
const PATIENT: ReadonlySet<string> = new Set(['bot', 'claude', 'unpriced']);
const runs = new Map<string, Promise<Run>>();
const turns = new Map<string, { turn: Turn; atMs: number }[]>();

beforeAll(async () => {
  elsewhere = await startElsewhere();
  const tools = { note: { module: './tools.ts' }, strict: { module: './tools.ts' } };
  const model = 'openai/scripted';
  const loops = { maxRepeats: 0 };
  const bot = { model, tools, maxOutputTokens: 200_000, limits: { usd: 20, wallSeconds: 60 }, loops };
  const brief = { ...bot, limits: { usd: 20, wallSeconds: 5 } };
  stack = await startStack({
    files: { 'tools.ts': TOOLS },
    config: {
      prices: { [model]: PRICE, 'dead/scripted': PRICE, 'anthropic/scripted': PRICE },
      providers: { dead: { baseUrl: `http://127.0.0.1:${await closedPort()}/v1` } },
      agents: {
        bot,
        brief,
        impatient: { ...brief, limits: { usd: 20, wallSeconds: 7 }, modelTimeoutSeconds: 1 },
        unreachable: { ...brief, model: 'dead/scripted' },
        unpriced: { ...bot, model: 'openai/nobody-knows', limits: { tokens: 1_000_000, wallSeconds: 60 } },
        claude: { ...bot, model: 'anthropic/scripted' },
      },
    },
    script: (turn) => {
      const name = turn.lastUserText;
      turns.set(name, [...(turns.get(name) ?? []), { turn, atMs: Date.now() }]);
      const step = play(CASES[name]?.play ?? DONE, turn);
      if (!('raw' in step) || !step.raw.headers?.['location']) return step;
      return { raw: { ...step.raw, headers: { location: elsewhere.url } } };
    },
  });
  // Those with a short wall clock first and by themselves: beside fifty others they would wait more than work.
  const timed = Object.keys(CASES).filter((name) => CASES[name]?.agent && !PATIENT.has(CASES[name].agent));
  const first = Promise.allSettled(timed.map((name) => begin(name, runCase(name))));
  for (const name of Object.keys(CASES)) {
    if (!runs.has(name))
      void begin(
        name,
        first.then(() => runCase(name)),
      );
  }
});

afterAll(async () => {
  elsewhere.close();
  await stack.close();
});

function play(what: Play, turn: Turn): Step {
  return typeof what === 'function' ? (what(turn) as Step) : what;
}

/** Where a redirect points to. It must never be asked. */
async function startElsewhere(): Promise<typeof elsewhere> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(request.url ?? '');
    response.end(body({ content: 'from elsewhere' }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/chat/completions`;
  return { url, requests, close: () => void server.close() };
}

/** A port that nothing listens on: it was free a moment ago. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function begin(name: string, run: Promise<Run>): Promise<Run> {
  // A failed run fails the tests that await it, not the process.
  run.catch(() => {});
  runs.set(name, run);
  return run;
}

async function runCase(name: string): Promise<Run> {
  const startedMs = Date.now();
  const session = await stack.start({ agent: CASES[name]?.agent ?? 'bot', input: name });
  const end = await stack.client.withDeadline(Date.now() + STUCK_MS, () =>
    session.result().catch((thrown: unknown) => {
      if (!(thrown instanceof AegrailError)) throw thrown;
      return { outcome: 'failed', reason: thrown.code, message: thrown.message };
    }),
  );
  const elapsedMs = Date.now() - startedMs;
  const { events } = await session.handle.fetchHistory();
  const { raw: description } = await session.handle.describe();
  const mine = turns.get(name) ?? [];
  const numbers = new Set(mine.map(({ turn }) => turn.requestNumber));
  return {
    end,
    records: await stack.records(session.id),
    turns: mine,
    billed: stack.endpoint.calls.filter(({ requestNumber }) => numbers.has(requestNumber)),
    events: events?.length ?? 0,
    historyBytes: Number(description.workflowExecutionInfo?.historySizeBytes ?? 0),
    failedTasks: (events ?? []).flatMap((event) => event.workflowTaskFailedEventAttributes?.failure?.message ?? []),
    elapsedMs,
  };
}

function run(name: string): Promise<Run> {
  return runs.get(name) ?? Promise.reject(new Error(`no case ${name}`));
}

function only<E extends AuditRecord['event']>(
  { records }: Run,
  event: E,
): Extract<ChainedRecord, { event: E }>['payload'][] {
  return records.filter((record) => record.event === event).map(({ payload }) => payload) as never;
}

const postedNano = ({ records }: Run): number => Math.round((records.at(-1)?.budget.usd_used ?? Number.NaN) * 1e9);
/** What the model was told of its calls. */
const told = ({ turns: asked }: Run): string[] => asked.at(-1)?.turn.lastToolResults.map(({ text }) => text) ?? [];

describe.each(Object.keys(CASES))('%s', (name) => {
  test('ends, with every call admitted, settled and paid for', async () => {
    const ran = await run(name);
    expect(ran.failedTasks).toEqual([]);
    expect(ran.records.at(-1)).toMatchObject({
      event: 'session_ended',
      budget: { usd_reserved: 0, tokens_reserved: 0, tool_calls_reserved: 0 },
    });
    const settled = only(ran, 'llm_call');
    expect(only(ran, 'llm_admitted')).toHaveLength(settled.length);
    // A deadline may come between an admission and its request.
    if (ran.end.reason === 'wall_seconds') expect(settled.length).toBeGreaterThanOrEqual(ran.turns.length);
    else if (name !== 'nobody listens') expect(settled).toHaveLength(ran.turns.length);
    if (name.includes('unpriced')) return;
    const billed = billUsdNano(ran.billed, PRICE);
    expect(postedNano(ran)).toBeGreaterThanOrEqual(billed);
    if (settled.every(({ usage_state, outcome }) => usage_state === 'reported' || outcome === 'not_started')) {
      expect(postedNano(ran)).toBe(billed);
    }
  });
});

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
    const peak = (globalThis as { notesInFlight?: number }).notesInFlight;
    expect(peak).toBeGreaterThan(1);
    expect(peak).toBeLessThanOrEqual(16 * Object.keys(CASES).length);
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

  test('3,000 are no answer', async () => {
    expect(only(await run('3,000 calls'), 'llm_call')).toMatchObject([
      { outcome: 'error', error: { code: 'TOO_MANY_CALLS' } },
    ]);
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
});

describe('usage', () => {
  test('missing usage is posted at its reservation, and the session goes on', async () => {
    const ran = await run('usage missing');
    expect(ran.end).toMatchObject({ outcome: 'answered' });
    const [admitted] = only(ran, 'llm_admitted');
    expect(only(ran, 'llm_call')).toMatchObject([{ usage_state: 'missing', posted: admitted?.reserved }]);
  });

  test('a count that is text is no answer', async () => {
    expect((await run('lie text')).end).toMatchObject({ outcome: 'failed', reason: 'MODEL_FAILED' });
  });

  test.each([
    ...Object.keys(LIES)
      .filter((name) => name !== 'text')
      .map((name) => `lie ${name}`),
    'a dearer tier',
    'a tier with a lone surrogate',
    'anthropic lie',
  ])('an impossible count (%s) is posted at its reservation, and ends the session', async (name) => {
    const ran = await run(name);
    expect(ran.end).toMatchObject({ outcome: 'killed', reason: 'usd' });
    const [admitted] = only(ran, 'llm_admitted');
    expect(only(ran, 'llm_call')).toMatchObject([
      { usage_state: 'impossible', posted: admitted?.reserved, usage: null },
    ]);
  });

  test('without a price, an odd tier is recorded as far as it can be', async () => {
    expect((await run('a tier with a lone surrogate, unpriced')).end).toMatchObject({
      outcome: 'answered',
      answer: 'Hi.',
    });
  });
});

describe('failures of the provider', () => {
  test.each([
    ['401', 401],
    ['403 with odd words', 403],
    ['400 of 1 MB', 400],
  ])('%s ends the session at once, for nothing', async (name, status) => {
    const ran = await run(name);
    expect(ran.end).toMatchObject({ outcome: 'failed', reason: 'MODEL_FAILED' });
    expect(ran.end.message).toMatch(new RegExp(`HTTP status ${status}`));
    expect(ran.turns).toHaveLength(1);
    expect(postedNano(ran)).toBe(0);
  });

  test.each(['429 in seconds', '429 as a date'])(
    '%s: the next try comes no earlier than it was asked for',
    async (name) => {
      const ran = await run(name);
      expect(ran.end).toMatchObject({ outcome: 'answered' });
      const [first, second] = ran.turns;
      expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThanOrEqual(1_990);
      expect(only(ran, 'llm_call')).toMatchObject([
        {
          outcome: 'not_started',
          posted: { usd_nano: 0, tokens: 0 },
          error: { code: 'RATE_LIMITED', status: 429 },
          retry_in_ms: expect.any(Number),
        },
        { outcome: 'ok', usage_state: 'reported' },
      ]);
    },
  );

  test.each(['429 until tomorrow', '429 for ever'])(
    '%s is beyond the deadline, so the session ends at once and says so',
    async (name) => {
      const ran = await run(name);
      expect(ran.turns).toHaveLength(1);
      expect(ran.end).toMatchObject({ outcome: 'failed', reason: 'MODEL_FAILED' });
      expect(ran.end.message).toMatch(/429.*wall clock/);
      // No try came, so none is announced.
      expect(only(ran, 'llm_call')[0]).not.toHaveProperty('retry_in_ms');
      expect(postedNano(ran)).toBe(0);
    },
  );

  test.each([
    ['429 with nonsense', 2],
    ['500, then an answer', 2],
    ['503 twice, then an answer', 3],
    ['500 in the second turn', 3],
    ['anthropic overloaded', 2],
  ])('%s: tried again, each try admitted, and only the answer is paid', async (name, tries) => {
    const ran = await run(name);
    expect(ran.end).toMatchObject({ outcome: 'answered', answer: 'Done.' });
    expect(ran.turns).toHaveLength(tries);
    const failed = only(ran, 'llm_call').filter(({ outcome }) => outcome === 'not_started');
    expect(failed.every(({ posted }) => posted.usd_nano === 0)).toBe(true);
  });

  test.each([
    ['502, then an answer', 'unknown', { code: 'PROVIDER_ERROR', status: 502 }],
    ['cut off', 'error', { code: 'BAD_RESPONSE' }],
    ['cut off before the body', 'error', { code: 'BAD_RESPONSE' }],
    ['a hang, then an answer', 'unknown', { code: 'TIMEOUT' }],
  ])('%s: what may have been billed is posted in full, then tried again', async (name, outcome, error) => {
    const ran = await run(name);
    expect(ran.end).toMatchObject({ outcome: 'answered', answer: 'Done.' });
    const [admitted] = only(ran, 'llm_admitted');
    expect(only(ran, 'llm_call')).toMatchObject([{ outcome, posted: admitted?.reserved, error }, { outcome: 'ok' }]);
  });

  test.each(['500 without end', 'a hang without end', 'nobody listens'])(
    '%s ends within the wall clock',
    async (name) => {
      const ran = await run(name);
      expect(['MODEL_FAILED', 'wall_seconds']).toContain(ran.end.reason);
      expect(only(ran, 'llm_call').length).toBeGreaterThan(1);
      // The wall clock, and what it took to start beside fifty others.
      expect(ran.elapsedMs).toBeLessThan(20_000);
    },
  );

  test('what never reached a provider costs nothing', async () => {
    const ran = await run('nobody listens');
    expect(postedNano(ran)).toBe(0);
    expect(only(ran, 'llm_call')).toMatchObject(
      only(ran, 'llm_call').map(() => ({ outcome: 'not_started', error: { code: 'CONNECT_FAILED' } })),
    );
  });
});
