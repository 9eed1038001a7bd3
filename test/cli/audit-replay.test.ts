import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { Difference, WhatIf } from '../../src/audit/what-if-report.ts';
import type { ContractFileInput } from '../../src/config/schema.ts';
import { lineOf } from '../../src/core/chain.ts';
import { loop, route, sequence } from '../../src/model-endpoint/index.ts';
import { botConfig, type Stack, startStack, toolsModule } from '../harness/stack.ts';
import { aegrail, type End, folder } from './kit.ts';

const TOOLS = toolsModule(`
export const refund = defineTool({ description: 'Refunds.', input: z.object({ amount: z.number() }), execute: () => 'done' });
export const hang = defineTool({
  description: 'Waits until it is stopped.',
  input: z.object({}),
  execute: (_, { signal }) => new Promise((_, fail) => signal.addEventListener('abort', () => fail(new Error('stopped')))),
});`);

const SMALL = `export const predicates = { small: ({ args }) => args.amount < 50 };\n`;

/** The contract of the sessions, or another with a part of it changed. */
function config(
  rule: NonNullable<ToolFile['when']>,
  usdPerMillion = 1,
  rest: Partial<ContractFileInput> = {},
): ContractFileInput {
  const price = { inputUsdPerMillion: usdPerMillion, outputUsdPerMillion: 4 * usdPerMillion };
  const tools = { refund: { module: './tools.ts', when: rule }, hang: { module: './tools.ts' } };
  return botConfig(
    { tools, limits: { usd: 1, maxToolCalls: 4, wallSeconds: 600 } },
    { prices: { 'openai/gpt-5.4-mini': price }, ...rest },
  );
}

type ToolFile = NonNullable<ContractFileInput['agents'][string]['tools']>[string];

const refund = (amount: number): { tool: string; args: { amount: number } } => ({ tool: 'refund', args: { amount } });

let stack: Stack;
/** Refunded 20 and 80, was denied 500, and answered. */
let answered: string;

beforeAll(async () => {
  stack = await startStack({
    files: {
      'tools.ts': TOOLS,
      'predicates.ts': SMALL,
      'stricter.json': JSON.stringify(config('args.amount <= 50')),
      'laxer.json': JSON.stringify(config('true')),
      'small.json': JSON.stringify(config({ predicate: 'small' }, 1, { predicates: './predicates.ts' })),
      'dearer.json': JSON.stringify(config('args.amount <= 100', 2)),
      'other-agent.json': JSON.stringify({ agents: { cat: config('true').agents['bot'] } }),
    },
    config: config('args.amount <= 100'),
    script: route([
      { user: 'Wait.', play: sequence([{ call: [{ tool: 'hang', args: {} }] }]) },
      { user: 'Loop.', play: loop({ call: [refund(1)] }) },
      { play: sequence([{ call: [refund(20), refund(80), refund(500)] }, { say: 'Refunded.' }]) },
    ]),
  });
  const session = await stack.start({});
  await session.result();
  answered = session.id;
});

afterAll(() => stack.close());

const replay = (...args: string[]): Promise<End> => aegrail(['audit', 'replay', ...args], { cwd: stack.dir });

/** What a session would have been. */
async function whatIf(...args: string[]): Promise<WhatIf> {
  const { code, out, err } = await replay(...args, '--json');
  expect({ code, err }).toEqual({ code: 0, err: expect.not.stringMatching(/error/) as string });
  return JSON.parse(out) as WhatIf;
}

const told = ({ name, was, wouldBe }: Difference): unknown[] => [name, was.what, wouldBe.what, wouldBe.reason];

async function log(id: string): Promise<string> {
  return (await stack.records(id)).map((record) => `${lineOf(record)}\n`).join('');
}

/** Writes a session's history to a file beside the contract file, as Temporal's own CLI does. */
async function historyFile(id: string, runId?: string): Promise<string> {
  const run = runId === undefined ? [] : ['-r', runId];
  const show = ['workflow', 'show', '-w', id, ...run, '-o', 'json', '--address', inject('address')];
  const { stdout } = await promisify(execFile)(inject('temporalBinary'), show, { maxBuffer: 1 << 26 });
  const name = `history-${randomUUID()}.json`;
  writeFileSync(join(stack.dir, name), stdout);
  return name;
}

describe('under the same rules', () => {
  test('the log is made again, and is that of the store, byte for byte', async () => {
    const { code, out, err } = await replay(answered, '-o', 'again.jsonl');
    const lines = await log(answered);
    const records = lines.trimEnd().split('\n').length;
    expect({ code, out }).toEqual({
      code: 0,
      out: expect.stringMatching(
        new RegExp(`^equal to the store of aegrail.json: ${answered}: ${records} records, head [0-9a-f]{64}\n$`),
      ) as string,
    });
    expect(err).toContain(`${records} lines in again.jsonl`);
    expect(readFileSync(join(stack.dir, 'again.jsonl'), 'utf8')).toBe(lines);
  });

  test("a history from Temporal's CLI, and one of the client's", async () => {
    const fromCli = await historyFile(answered);
    const compared = JSON.parse((await replay(fromCli, '--json')).out) as unknown;
    expect(compared).toMatchObject({ sessionId: answered, closed: true, compared: { equal: true, difference: null } });
    const elsewhere = folder({
      'history.json': JSON.stringify(await stack.client.workflow.getHandle(answered).fetchHistory()),
    });
    const alone = await aegrail(['audit', 'replay', 'history.json', '-o', 'log.jsonl'], { cwd: elsewhere });
    expect(alone).toMatchObject({
      code: 0,
      out: expect.stringMatching(/head [0-9a-f]{64}; no store to compare with\n$/) as string,
    });
    expect(readFileSync(join(elsewhere, 'log.jsonl'), 'utf8')).toBe(await log(answered));
  });

  test('a history in which the user was changed is told from the store, line by line, with exit code 1', async () => {
    const name = await historyFile(answered);
    const history = JSON.parse(readFileSync(join(stack.dir, name), 'utf8')) as RecordedHistory;
    const input = history.events[0]?.workflowExecutionStartedEventAttributes?.input.payloads[0] ?? { data: '' };
    input.data = Buffer.from(
      Buffer.from(input.data, 'base64').toString('utf8').replace('ann@acme.com', 'eve@acme.com'),
    ).toString('base64');
    writeFileSync(join(stack.dir, 'forged.json'), JSON.stringify(history));
    const { code, out } = await replay('forged.json');
    expect(code).toBe(1);
    expect(out).toMatch(
      /^line 1 differs from the store of aegrail.json: .*\nhistory: \{.*eve@acme.com.*\}\nstore: {3}\{.*ann@acme.com.*\}\n$/,
    );
  });

  test('a session that runs is equal as far as both go; one that was terminated, before and after it is reconciled', async () => {
    const { id, handle } = await stack.start({ input: 'Wait.' });
    await expect.poll(async () => (await stack.records(id)).length, { timeout: 20_000 }).toBe(4);
    const running = await replay(id);
    expect(running).toMatchObject({
      code: 0,
      out: expect.stringContaining('has not ended by this history, as far as both go') as string,
    });
    await handle.terminate('for the test');
    expect(await replay(id)).toMatchObject({ code: 0, out: expect.stringMatching(/^equal .*: 4 records/) as string });
    const found = await whatIf(id, '--with-prices', 'dearer.json');
    expect(found).toMatchObject({
      was: { outcome: 'terminated', toolCalls: 1 },
      wouldBe: { outcome: 'terminated', toolCalls: 1 },
    });
    expect(await aegrail(['audit', 'reconcile'], { cwd: stack.dir })).toMatchObject({ code: 0 });
    expect(await replay(id)).toMatchObject({ code: 0, out: expect.stringMatching(/^equal .*: 6 records/) as string });
  });
});

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

describe('what can not be replayed', () => {
  test('a history that this code did not make', async () => {
    const name = await historyFile(answered);
    const text = readFileSync(join(stack.dir, name), 'utf8').replaceAll('"callTool"', '"appendRecords"');
    writeFileSync(join(stack.dir, 'other-code.json'), text);
    const { code, out, err } = await replay('other-code.json');
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toContain(`aegrail: The history of ${answered} can not be replayed`);
    expect(err).not.toMatch(/\n\s+at /);
  });

  test.each([
    ['no file', ['nothing.json'], 2, 'There is no file nothing.json.'],
    [
      'a file that is no history',
      ['stricter.json'],
      1,
      'stricter.json is no workflow history: it has no list of events',
    ],
    ['a file that is no JSON', ['tools.ts'], 1, 'tools.ts is no workflow history: it is no JSON'],
    ['no session', ['sess_0_0'], 2, 'sess_0_0'],
    ['two sessions', ['sess_0_0', 'sess_0_1'], 2, 'there is no file sess_0_0'],
    ['an unknown limit', ['x', '--with-limits', 'dollars=1'], 2, 'the limits are usd, tokens, wallSeconds'],
    ['a limit without an amount', ['x', '--with-limits', 'usd'], 2, 'It must be such as usd=0.5'],
    ['a limit that is no number', ['x', '--with-limits', 'usd=-1'], 2, 'usd is -1, and must be a number of USD from 0'],
    ['one twice', ['x', '--with-limits', 'usd=1,usd=2'], 2, 'It has usd twice'],
    ['a wall clock of none', ['x', '--with-limits', 'wallSeconds=none'], 2, 'wallSeconds is none, and must be'],
  ])('%s', async (_name, args, code, why) => {
    const end = await replay(...args);
    expect(end).toMatchObject({ code, out: '' });
    expect(end.err).toContain(why);
    expect(end.err).not.toMatch(/\n\s+at /);
  });

  test('a workflow that is no session', async () => {
    const workflowId = `alien-${randomUUID()}`;
    const alien = await stack.client.workflow.start('other', { taskQueue: 'nobody', workflowId });
    expect(await replay(workflowId)).toMatchObject({ code: 2, out: '' });
    const end = await replay(await historyFile(workflowId));
    expect(end).toMatchObject({ code: 2, out: '' });
    expect(end.err).toContain('is of no session: it is of a workflow of type other');
    await alien.terminate();
  });

  test('a truncated history, a policy without the agent, and one that is not there', async () => {
    const name = await historyFile(answered);
    const text = readFileSync(join(stack.dir, name), 'utf8');
    writeFileSync(join(stack.dir, 'half.json'), text.slice(0, text.length / 2));
    expect(await replay('half.json')).toMatchObject({
      code: 1,
      err: expect.stringContaining('half.json is no workflow history') as string,
    });
    const agent = await replay(name, '--with-policy', 'other-agent.json');
    expect(agent).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining('has no agent bot, which the session is of. It has: cat.') as string,
    });
    expect(await replay(name, '--with-prices', 'none.json')).toMatchObject({ code: 2, out: '' });
  });
});

interface RecordedHistory {
  readonly events: readonly {
    readonly workflowExecutionStartedEventAttributes?: { readonly input: { readonly payloads: { data: string }[] } };
  }[];
}
