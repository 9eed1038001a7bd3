import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AuditRecord, ChainedRecord } from '../../src/core/record.ts';
import type { SessionResult } from '../../src/protocol.ts';
import { type ScriptedCall, type Turn } from '../../src/model-endpoint/index.ts';
import { type Stack, startStack, toolsModule } from '../harness/stack.ts';

/** A session that is not over after so long is taken for stuck. */
const STUCK_MS = 30_000;
const FIXTURE = join(import.meta.dirname, '../fixtures/mcp/stdio.ts');

/** Each run of a tool leaves a line in runs.log: tool, session, idempotency key. */
const TOOLS = toolsModule(`
import { appendFileSync, readFileSync } from 'node:fs';
const log = new URL('./runs.log', import.meta.url);
const tool = (name, execute, input = z.looseObject({})) => defineTool({
  description: name,
  input,
  execute: (args, context) => {
    appendFileSync(log, name + ' ' + context.sessionId + ' ' + context.idempotencyKey + '\\n');
    const tries = readFileSync(log, 'utf8').split('\\n').filter((line) => line.startsWith(name + ' ' + context.sessionId)).length;
    return execute({ args, context, tries });
  },
});
const never = () => new Promise(() => {});
export const throws = tool('throws', () => { throw new Error('the shop is closed'); });
export const rejects = tool('rejects', async () => { throw 'no error at all'; });
export const throws_page = tool('throws_page', () => { throw new Error('\\ud800' + 'w'.repeat(1998) + '😀'.repeat(500000)); });
export const flaky = tool('flaky', ({ tries }) => { if (tries < 3) throw new Error('try ' + tries); return 'at last'; });
export const broken = tool('broken', () => { throw new Error('always'); });
export const deaf = tool('deaf', never);
export const deaf_once = tool('deaf_once', ({ tries }) => (tries === 1 ? never() : 'heard'));
export const obedient = tool('obedient', ({ context }) => new Promise((_, reject) => context.signal.addEventListener('abort', () => reject(new Error('I stop')))));
export const big = tool('big', () => 'é'.repeat(2500000));
export const circular = tool('circular', () => { const a = {}; a.a = a; return a; });
export const nothing = tool('nothing', () => undefined);
export const bigint = tool('bigint', () => ({ n: 2n ** 64n }));
export const surrogate = tool('surrogate', () => ({ s: 'a\\ud800', t: 'b\\ud800'.repeat(2) }));
export const raw_surrogate = tool('raw_surrogate', () => 'a\\ud800' + 'x'.repeat(1021) + '😀'.repeat(9));
export const secretive = tool('secretive', () => 'told');
export const picky = tool('picky', () => 'picked', z.object({ id: z.string().refine((id) => id === 'right', 'not the right one') }));
`);

interface Case {
  /** What is asked for in the turns of the model; after that it is done. */
  readonly ask: readonly (readonly ScriptedCall[])[];
}

const once = (tool: string, args: unknown = {}): Case => ({ ask: [[{ tool, args }]] });

const CASES: Readonly<Record<string, Case>> = {
  ...Object.fromEntries(
    [
      'throws',
      'rejects',
      'throws_page',
      'flaky',
      'broken',
      'deaf',
      'deaf_once',
      'obedient',
      'big',
      'circular',
      'nothing',
      'bigint',
    ].map((tool) => [tool, once(tool)]),
  ),
  ...Object.fromEntries(['surrogate', 'raw_surrogate', 'secretive'].map((tool) => [tool, once(tool)])),
  picky: once('picky', { id: 'wrong' }),
  'a server dies': { ask: [[{ tool: 'die', args: {} }], [{ tool: 'alive', args: { text: 'again' } }]] },
  'a server dies, idempotent': once('die_again'),
  'a server lies of its answer': once('wrong_output'),
  'a server answers with an error': once('mcp_throws'),
  'a server says that it failed': once('mcp_error'),
  'a server answers with 5 MB': once('mcp_big'),
  'a server answers with 12 MB': once('mcp_huge'),
  'a server is too slow': once('mcp_slow'),
  'a server changes a schema': { ask: [[{ tool: 'change', args: {} }], [{ tool: 'drifting', args: { text: 'hi' } }]] },
  'side by side': {
    ask: [
      [
        { tool: 'throws', args: {} },
        { tool: 'nothing', args: {} },
        { tool: 'circular', args: {} },
      ],
    ],
  },
};

interface Run {
  readonly sessionId: string;
  readonly result: SessionResult;
  readonly records: readonly ChainedRecord[];
  /** What the model was told in each turn after the first. */
  readonly told: readonly (readonly string[])[];
  readonly failedTasks: readonly string[];
}

let stack: Stack;
const turns = new Map<string, Turn[]>();
const runs = new Map<string, Promise<Run>>();

beforeAll(async () => {
  const module = './tools.ts';
  const server = { command: process.execPath, args: [FIXTURE] };
  const patient = { module, timeoutSeconds: 20 };
  const short = { module, timeoutSeconds: 3 };
  stack = await startStack({
    files: { 'tools.ts': TOOLS },
    config: {
      // Each has a process of its own: what one does must not end another's calls.
      mcpServers: { shop: server, mortal: server, mortal_too: server, heavy: server, fickle: server },
      agents: {
        bot: {
          model: 'openai/gpt-5.4-mini',
          limits: { usd: 5, wallSeconds: 60, maxToolCalls: 10 },
          maxResultBytes: 4_096,
          tools: {
            ...Object.fromEntries(
              ['throws', 'rejects', 'throws_page', 'big', 'circular', 'nothing', 'bigint', 'picky'].map((name) => [
                name,
                patient,
              ]),
            ),
            ...Object.fromEntries(
              ['surrogate', 'raw_surrogate'].map((name) => [name, { ...patient, redact: { showResult: true } }]),
            ),
            flaky: { ...patient, idempotent: true },
            broken: { ...patient, idempotent: true },
            deaf: short,
            deaf_once: { ...short, idempotent: true },
            obedient: short,
            secretive: { ...patient, secrets: ['crm'] },
            die: { mcp: 'mortal' },
            alive: { mcp: 'mortal', tool: 'echo' },
            die_again: { mcp: 'mortal_too', tool: 'die', idempotent: true },
            wrong_output: { mcp: 'shop' },
            mcp_throws: { mcp: 'shop', tool: 'throws' },
            mcp_error: { mcp: 'shop', tool: 'error' },
            mcp_big: { mcp: 'shop', tool: 'big' },
            mcp_huge: { mcp: 'heavy', tool: 'huge' },
            mcp_slow: { mcp: 'shop', tool: 'slow', timeoutSeconds: 3 },
            change: { mcp: 'fickle' },
            drifting: { mcp: 'fickle', tool: 'echo' },
          },
        },
      },
    },
    script: (turn) => {
      const name = turn.lastUserText;
      turns.set(name, [...(turns.get(name) ?? []), turn]);
      const call = CASES[name]?.ask[turn.index];
      return call ? { call } : { say: 'Done.' };
    },
  });
  for (const name of Object.keys(CASES)) {
    const run = runCase(name);
    // A failed run fails the tests that await it, not the process.
    run.catch(() => {});
    runs.set(name, run);
  }
});

afterAll(() => stack.close());

async function runCase(name: string): Promise<Run> {
  const session = await stack.start({ input: name });
  const result = await stack.client.withDeadline(Date.now() + STUCK_MS, () => session.result());
  const { events } = await session.handle.fetchHistory();
  return {
    sessionId: session.id,
    result,
    records: await stack.records(session.id),
    told: (turns.get(name) ?? []).slice(1).map(({ lastToolResults }) => lastToolResults.map(({ text }) => text)),
    failedTasks: (events ?? []).flatMap((event) => event.workflowTaskFailedEventAttributes?.failure?.message ?? []),
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

/** Idempotency keys of the runs of a tool in a session: as many as it ran. */
function keysOf(tool: string, { sessionId }: Run): (string | undefined)[] {
  const lines = readFileSync(join(stack.dir, 'runs.log'), 'utf8').split('\n');
  return lines.filter((line) => line.startsWith(`${tool} ${sessionId} `)).map((line) => line.split(' ')[2]);
}

/** What the model was told of a failure. */
function failures(ran: Run): { error: string; code: string; why: string }[] {
  return ran.told.flat().map((text) => JSON.parse(text) as { error: string; code: string; why: string });
}

test.each(Object.keys(CASES))('%s: the session goes on to its answer, with every call settled', async (name) => {
  const ran = await run(name);
  expect(ran.failedTasks).toEqual([]);
  expect(ran.result).toMatchObject({ outcome: 'answered', answer: 'Done.' });
  expect(ran.records.at(-1)).toMatchObject({
    event: 'session_ended',
    budget: { tool_calls_reserved: 0, tokens_reserved: 0 },
  });
  expect(only(ran, 'tool_call')).toHaveLength(only(ran, 'tool_admitted').length);
});

describe('a tool that fails', () => {
  test.each([
    ['throws', 'tool_threw', /the shop is closed/],
    ['rejects', 'tool_threw', /no error at all/],
    ['circular', 'unserializable', /circular/],
    ['bigint', 'unserializable', /"n".*bigint/],
  ])('%s: the model is told why, it ran once, and one call is posted', async (tool, code, why) => {
    const ran = await run(tool);
    expect(failures(ran)).toEqual([{ error: 'ToolFailed', code, why: expect.stringMatching(why) as string }]);
    expect(only(ran, 'tool_call')).toMatchObject([
      { ok: false, outcome: 'error', error: { code: code.toUpperCase() }, posted: { tool_calls: 1 } },
    ]);
    expect(keysOf(tool, ran)).toEqual(['null']);
    expect(ran.result.budget.tool_calls).toBe(1);
  });

  test('a page of odd words is cut', async () => {
    const [failure] = failures(await run('throws_page'));
    expect(failure?.why.length).toBeLessThanOrEqual(2_000);
    expect(failure?.why.isWellFormed()).toBe(true);
  });

  test('undefined is null', async () => {
    expect((await run('nothing')).told).toEqual([['null']]);
  });

  test("5 MB are cut at the contract's limit, and say so", async () => {
    const ran = await run('big');
    const text = ran.told[0]?.[0] ?? '';
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(4_096);
    expect(text).toMatch(/cut at \d+ of 5000000 bytes$/);
    expect(only(ran, 'tool_call')).toMatchObject([{ ok: true, result: { bytes: Buffer.byteLength(text) } }]);
  });

  test('a lone surrogate in an answer is no lone surrogate to the model, nor in the record', async () => {
    expect((await run('surrogate')).told[0]?.[0]?.isWellFormed()).toBe(true);
    const [call] = only(await run('raw_surrogate'), 'tool_call');
    expect(call?.result?.shown?.startsWith('a\ufffdx')).toBe(true);
    expect(call?.result?.shown?.isWellFormed()).toBe(true);
  });

  test('a secret that the worker has not is said by its name; nothing ran, and nothing is posted', async () => {
    const ran = await run('secretive');
    expect(failures(ran)).toMatchObject([
      { error: 'ToolFailed', why: expect.stringMatching(/no secret crm/) as string },
    ]);
    expect(only(ran, 'tool_call')).toMatchObject([{ outcome: 'not_started', posted: { tool_calls: 0 } }]);
    expect(keysOf('secretive', ran)).toEqual([]);
  });

  test("arguments that pass the JSON Schema and not the tool's own check are refused by the tool, before it runs", async () => {
    const ran = await run('picky');
    expect(failures(ran)).toMatchObject([
      { code: 'invalid_arguments', why: expect.stringMatching(/not the right one/) as string },
    ]);
    expect(only(ran, 'tool_call')).toMatchObject([{ outcome: 'not_started', posted: { tool_calls: 0 } }]);
    expect(keysOf('picky', ran)).toEqual([]);
  });

  test('one of several that fails does not take the others along', async () => {
    const { told } = await run('side by side');
    expect(told[0]).toEqual([expect.stringContaining('tool_threw'), 'null', expect.stringContaining('unserializable')]);
  });
});

describe('a tool that hangs', () => {
  test('and ignores its signal is let go at its timeout: its end is unknown, and it is not run again', async () => {
    const ran = await run('deaf');
    expect(failures(ran)).toEqual([
      { error: 'ToolFailed', code: 'timeout', why: expect.stringMatching(/may have taken effect/) as string },
    ]);
    expect(only(ran, 'tool_call')).toMatchObject([
      { outcome: 'unknown', error: { code: 'TIMEOUT' }, posted: { tool_calls: 1 } },
    ]);
    expect(only(ran, 'tool_call')[0]?.elapsed_ms).toBeLessThan(5_000);
    expect(keysOf('deaf', ran)).toEqual(['null']);
  });

  test('and obeys its signal is heard', async () => {
    const ran = await run('obedient');
    expect(failures(ran)).toMatchObject([{ code: 'timeout', why: expect.stringMatching(/I stop/) as string }]);
    expect(keysOf('obedient', ran)).toEqual(['null']);
  });

  test('once, and is idempotent, is tried again under the same key', async () => {
    const ran = await run('deaf_once');
    expect(ran.told).toEqual([['heard']]);
    const keys = keysOf('deaf_once', ran);
    expect(keys).toHaveLength(2);
    expect(new Set(keys).size).toBe(1);
    expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
    expect(only(ran, 'tool_call')).toMatchObject([
      { outcome: 'unknown', retry_in_ms: expect.any(Number) as number },
      { ok: true },
    ]);
  });
});

describe('an idempotent tool', () => {
  test('that fails twice is tried three times under one key, each try admitted and posted', async () => {
    const ran = await run('flaky');
    expect(ran.told).toEqual([['at last']]);
    const keys = keysOf('flaky', ran);
    expect(keys).toHaveLength(3);
    expect(new Set(keys).size).toBe(1);
    expect(only(ran, 'tool_admitted').map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    expect(ran.result.budget.tool_calls).toBe(3);
  });

  test('that always fails is given up after three tries, and the model is told', async () => {
    const ran = await run('broken');
    expect(failures(ran)).toMatchObject([{ code: 'tool_threw', why: expect.stringMatching(/always/) as string }]);
    expect(keysOf('broken', ran)).toHaveLength(3);
  });
});

describe('an MCP server', () => {
  test('that dies in mid-call: the end is unknown, it is not called again, and the next call has a new process', async () => {
    const ran = await run('a server dies');
    expect(JSON.parse(ran.told[0]?.[0] ?? '')).toMatchObject({
      code: 'connection_lost',
      why: expect.stringMatching(/unknown/) as string,
    });
    expect(ran.told[1]).toEqual(['again']);
    expect(only(ran, 'tool_call')).toMatchObject([
      { outcome: 'unknown', error: { code: 'CONNECTION_LOST' }, posted: { tool_calls: 1 } },
      { ok: true },
    ]);
  });

  test('that dies under an idempotent tool is called three times', async () => {
    const ran = await run('a server dies, idempotent');
    expect(only(ran, 'tool_call').map(({ outcome }) => outcome)).toEqual(['unknown', 'unknown', 'unknown']);
    expect(failures(ran)).toMatchObject([{ code: 'connection_lost' }]);
  });

  test.each([
    ['a server lies of its answer', 'protocol', /outputSchema/],
    ['a server answers with an error', 'protocol', /burned down/],
    ['a server answers with 12 MB', 'result_too_large', /too large/],
  ])('%s: a tool error, told and recorded', async (name, code, why) => {
    const ran = await run(name);
    expect(failures(ran)).toMatchObject([{ error: 'ToolFailed', code, why: expect.stringMatching(why) as string }]);
    expect(only(ran, 'tool_call')).toMatchObject([
      { ok: false, outcome: 'error', error: { code: code.toUpperCase() }, posted: { tool_calls: 1 } },
    ]);
  });

  test('that says itself that it failed is believed', async () => {
    const ran = await run('a server says that it failed');
    expect(ran.told).toEqual([['out of stock']]);
    expect(only(ran, 'tool_call')).toMatchObject([{ ok: false, outcome: 'error' }]);
  });

  test('that answers with 5 MB is cut', async () => {
    expect((await run('a server answers with 5 MB')).told[0]?.[0]).toMatch(/cut at \d+ of 5000000 bytes$/);
  });

  test('that is too slow is cut off, and its end is unknown', async () => {
    const ran = await run('a server is too slow');
    expect(failures(ran)).toMatchObject([{ code: 'timeout' }]);
    expect(only(ran, 'tool_call')).toMatchObject([{ outcome: 'unknown', error: { code: 'TIMEOUT' } }]);
  });

  test('that changes a schema in mid-session is not called by the old one', async () => {
    const ran = await run('a server changes a schema');
    expect(JSON.parse(ran.told[1]?.[0] ?? '')).toMatchObject({ code: 'contract_drift' });
    expect(only(ran, 'tool_call')[1]).toMatchObject({ outcome: 'not_started', posted: { tool_calls: 0 } });
  });
});
