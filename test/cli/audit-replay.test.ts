import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { WhatIf } from '../../src/audit/what-if-report.ts';
import { lineOf } from '../../src/core/chain.ts';
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

async function log(id: string): Promise<string> {
  return (await stack.records(id)).map((record) => `${lineOf(record)}\n`).join('');
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
    const alone = await aegrailProcess(['audit', 'replay', 'history.json', '-o', 'log.jsonl'], { cwd: elsewhere });
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

  test('a session that runs is equal as far as both go, and one that was terminated to its last record', async () => {
    const id = await hanging();
    expect(await replay(id)).toMatchObject({
      code: 0,
      out: expect.stringContaining('has not ended by this history, as far as both go') as string,
    });
    await stack.client.workflow.getHandle(id).terminate('for the test');
    expect(await replay(id)).toMatchObject({ code: 0, out: expect.stringMatching(/^equal .*: 4 records/) as string });
  });

  test('and after reconcile has ended its log', async () => {
    const id = await hanging();
    await stack.client.workflow.getHandle(id).terminate('for the test');
    expect(await aegrailProcess(['audit', 'reconcile'], { cwd: stack.dir })).toMatchObject({ code: 0 });
    expect(await replay(id)).toMatchObject({ code: 0, out: expect.stringMatching(/^equal .*: 6 records/) as string });
    const priced = JSON.parse((await replay(id, '--with-prices', 'dearer.json', '--json')).out) as WhatIf;
    expect(priced).toMatchObject({
      was: { outcome: 'terminated', toolCalls: 1 },
      wouldBe: { outcome: 'terminated', toolCalls: 1, usdNano: 2 * priced.was.usdNano },
    });
  });
});

/** Starts a session that waits in a tool. */
async function hanging(): Promise<string> {
  const { id } = await stack.start({ input: 'Wait.' });
  await expect.poll(async () => (await stack.records(id)).length).toBe(4);
  return id;
}

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
