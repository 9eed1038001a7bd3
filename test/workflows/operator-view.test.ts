import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Session } from '../../src/client.ts';
import { byAttempt, sequence } from '../../src/model-endpoint/index.ts';
import { SLOW_TOOLS } from '../fixtures/workflows/slow-tools.ts';
import { until } from '../fixtures/workflows/until.ts';
import { botConfig, type Stack, startStack } from '../harness/stack.ts';

/** What a user's name may hold, and must not become: bold, a link, an address that the UI links by itself, a row. */
const EVE = '**Eve** | [click](https://evil.example) www.evil.example eve@evil.example <img src=x> `x` \\| ~a~';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({
    config: botConfig({
      version: 'v7',
      limits: { usd: 1, tokens: 50_000, maxToolCalls: 10, wallSeconds: 600 },
      tools: {
        counted: { module: './tools.ts', idempotent: true },
        listening: { module: './tools.ts' },
      },
    }),
    files: { 'tools.ts': SLOW_TOOLS },
    script: sequence([
      byAttempt([
        { fail: { status: 503, retryAfterSeconds: 0.1 } },
        {
          call: [
            { tool: 'counted', args: { name: 'seen' } },
            { tool: 'nothing', args: {} },
          ],
        },
      ]),
      ({ lastUserText }) =>
        lastUserText === 'wait' ? { call: [{ tool: 'listening', args: { name: 'seen' } }] } : { say: 'Done.' },
    ]),
  });
});

afterAll(() => stack.close());

/** What the Temporal UI shows on a workflow's page. */
async function currentDetails(session: Session): Promise<string> {
  const metadata = await session.handle.query<{ currentDetails?: string; definition?: unknown }>(
    '__temporal_workflow_metadata',
  );
  // Wide spaces are only there for the eye.
  return (metadata.currentDetails ?? '').replaceAll(/\u00a0+/g, ' ');
}

test('a session that ended: summaries, memo and the ledger in the details', async () => {
  const session = await stack.start({ user: 'ann', input: 'go' });
  const result = await session.result();
  expect(result).toMatchObject({ outcome: 'answered' });

  const described = await session.handle.describe();
  expect(await described.staticSummary()).toBe('bot for ann');
  expect(described.memo).toMatchObject({
    agent: 'bot',
    version: 'v7',
    user: 'ann',
    outcome: 'answered',
    usd: result.budget.usd_used,
  });

  const details = await currentDetails(session);
  const { usd_used, tokens_used } = result.budget;
  expect(details).toContain('Now: ended\\: answered');
  expect(details).toContain(`| usd | ${usd_used} | 0 | 1 |`);
  expect(details).toContain(`| tokens | ${tokens_used} | 0 | 50000 |`);
  expect(details).toContain('| tool calls | 1 | 0 | 10 | █░░░░░░░░░ 10 % |');
  expect(details).toContain('openai/gpt-5.4-mini');
  expect(details).toContain(`Records: ${result.records}.`);
});

test('every activity and timer in the history says what it is', async () => {
  const session = await stack.start({ user: 'ann', input: 'go once more' });
  await session.result();
  const { events } = await session.handle.fetchHistory();
  const said = (events ?? []).flatMap((event) => {
    const what =
      event.activityTaskScheduledEventAttributes?.activityType?.name ??
      (event.timerStartedEventAttributes ? 'timer' : null);
    const data = event.userMetadata?.summary?.data;
    return what === null
      ? []
      : `${what}: ${data ? (JSON.parse(Buffer.from(data).toString('utf8')) as string) : 'nothing'}`;
  });
  expect(said).toEqual([
    'openSession: read the contract',
    'timer: deadline of the session',
    'callModel: model gpt-5.4-mini',
    'timer: before the next try',
    'callModel: model gpt-5.4-mini, try 2',
    'callTool: tool counted',
    'callModel: model gpt-5.4-mini',
    'appendRecords: store 2 records',
  ]);
});

test('a session that runs: what it waits for, what is reserved, its records', async () => {
  const session = await stack.start({ user: EVE, input: 'wait' });
  await until('the tool runs', async () => (await session.view().catch(() => null))?.doing === 'waiting for listening');
  const view = await session.view();
  expect(view).toMatchObject({
    sessionId: session.id,
    principal: { agent: 'bot', version: 'v7', user: EVE, chain: [] },
    model: 'openai/gpt-5.4-mini',
    limits: { usd: 1, tokens: 50_000, maxToolCalls: 10, wallSeconds: 600 },
    budget: { tool_calls: 1, tool_calls_reserved: 1 },
    result: null,
  });
  expect(view.records.map(({ seq }) => seq)).toEqual(Array.from({ length: view.nextSeq }, (_, seq) => seq));
  expect((await session.view(view.nextSeq - 2)).records).toHaveLength(2);

  const details = await currentDetails(session);
  expect(details).toContain('Now: waiting for listening');
  expect(details).toContain('| tool calls | 1 | 1 | 10 | ██░░░░░░░░ 20 % |');
  expect(details).toContain('To stop it: Request Cancellation.');
  await session.cancel();
  await until('the end', async () => (await session.view()).result !== null);
  expect((await session.view()).doing).toBe('ended: cancelled');
  expect((await session.handle.describe()).memo).toMatchObject({ user: EVE, outcome: 'cancelled' });
});

test("Markdown in a user's name stays text", async () => {
  const session = await stack.start({ user: EVE, input: 'go' });
  await session.result();
  const [first = '', ...rest] = (await currentDetails(session)).split('\n');
  expect(first).toContain(
    'for **\\*\\*Eve\\*\\* \\| \\[click\\]\\(https\\://evil.example\\) www\\.evil.example eve@evil.example',
  );
  // Unescape what is escaped: nothing of Markdown's is left but our own bold of principal and user.
  const plain = first.replace(/\\[!-/:-@[-`{-~]/g, '');
  expect(plain.match(/\*\*/g)).toHaveLength(4);
  expect(plain).not.toMatch(/[[\]()<>|`~_]|:\/\/|www\./);
  // The table has its own rows and no more.
  expect(rest.filter((line) => line.startsWith('|'))).toHaveLength(7);
});
