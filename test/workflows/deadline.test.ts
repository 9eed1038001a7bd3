import { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import type { Session } from '../../src/client.ts';
import type { SessionResult } from '../../src/protocol.ts';
import { byAttempt, route, sequence } from '../../src/model-endpoint/index.ts';
import { payloads } from '../fixtures/workflows/payloads.ts';
import { SLOW_TOOLS } from '../fixtures/workflows/slow-tools.ts';
import { botConfig, type Stack, startStack } from '../harness/stack.ts';
import { quietRuntime } from '../harness/quiet.ts';

const DAY_SECONDS = 86_400;
const limited = (retryAfterSeconds: number): { fail: { status: number; retryAfterSeconds: number } } => ({
  fail: { status: 429, retryAfterSeconds },
});

const script = route([
  { user: 'busy for hours', play: byAttempt([limited(10 * 3600), limited(20 * 3600), { say: 'At last.' }]) },
  { user: 'busy for a week', play: limited(7 * DAY_SECONDS) },
  { user: 'busy for ever', play: limited(3600) },
  {
    user: 'deaf',
    play: sequence([
      byAttempt([limited(3600), { call: [{ tool: 'deaf', args: { name: 'deaf' } }] }]),
      { say: 'I went on.' },
    ]),
  },
  {
    user: 'tool',
    play: sequence([{ call: [{ tool: 'counted', args: { name: 'tool' } }] }, { say: 'Done.' }]),
  },
  { play: { say: 'Done.' } },
]);

const config = botConfig({
  limits: { usd: 1, wallSeconds: 3 * DAY_SECONDS },
  modelTimeoutSeconds: 300,
  tools: {
    deaf: { module: './tools.ts', timeoutSeconds: 1 },
    counted: { module: './tools.ts', timeoutSeconds: 20 },
  },
});

/** On a server whose clock leaps while a client waits for a result and no activity runs. */
let skipping: Stack;
let real: Stack;
let server: TestWorkflowEnvironment;

beforeAll(async () => {
  quietRuntime();
  server = await TestWorkflowEnvironment.createTimeSkipping({
    server: { executable: { type: 'existing-path', path: inject('timeSkippingBinary') } },
  });
  const files = { 'tools.ts': SLOW_TOOLS };
  [skipping, real] = await Promise.all([
    startStack({ config, files, script, address: server.address }),
    startStack({ config, files, script }),
  ]);
});

afterAll(async () => {
  await Promise.all([skipping.close(), real.close()]);
  await server.teardown();
});

/** Waits for the end through the client that lets the server's clock leap. */
async function leapToEnd(session: Session): Promise<{ result: SessionResult; realMs: number }> {
  const startedMs = performance.now();
  const result = (await server.client.workflow.getHandle(session.id).result()) as SessionResult;
  return { result, realMs: performance.now() - startedMs };
}

test('two days of rate limits pass in seconds, and the session answers', async () => {
  const session = await skipping.start({ input: 'busy for hours' });
  const { result, realMs } = await leapToEnd(session);
  expect(result).toMatchObject({ outcome: 'answered', answer: 'At last.' });
  // 30 hours, and up to a quarter of jitter.
  expect(result.budget.wall_elapsed).toBeGreaterThan(30 * 3600);
  expect(result.budget.wall_elapsed).toBeLessThan(1.25 * 30 * 3600 + 60);
  expect(realMs).toBeLessThan(10_000);
  const calls = payloads(await skipping.records(session.id), 'llm_call');
  expect(calls).toMatchObject([
    { outcome: 'not_started', posted: { usd_nano: 0, tokens: 0 }, error: { code: 'RATE_LIMITED', status: 429 } },
    { outcome: 'not_started', posted: { usd_nano: 0, tokens: 0 }, error: { code: 'RATE_LIMITED', status: 429 } },
    { outcome: 'ok', usage_state: 'reported' },
  ]);
  for (const { retry_in_ms = 0 } of calls.slice(0, 2)) expect(retry_in_ms).toBeGreaterThanOrEqual(10 * 3_600_000);
});

test('a wait that does not fit into the wall clock is not waited for', async () => {
  const session = await skipping.start({ input: 'busy for a week' });
  await expect(leapToEnd(session)).rejects.toMatchObject({
    cause: { type: 'MODEL_FAILED', message: expect.stringContaining('did not fit into the wall clock') as string },
  });
  const records = await skipping.records(session.id);
  expect(records.map(({ event }) => event)).toEqual(['session_started', 'llm_admitted', 'llm_call', 'session_ended']);
  expect(records.at(-1)?.budget.wall_elapsed).toBeLessThan(60);
});

test('a model that is busy for ever is asked six times, an hour apart', async () => {
  const session = await skipping.start({ input: 'busy for ever' });
  await expect(leapToEnd(session)).rejects.toMatchObject({ cause: { type: 'MODEL_FAILED' } });
  expect(payloads(await skipping.records(session.id), 'llm_call')).toHaveLength(6);
});

test('a tool that does not answer in time is recorded as unknown and posted, and the model goes on', async () => {
  const session = await skipping.start({ input: 'deaf' });
  const { result } = await leapToEnd(session);
  expect(result).toMatchObject({ outcome: 'answered', answer: 'I went on.', budget: { tool_calls: 1 } });
  expect(payloads(await skipping.records(session.id), 'tool_call')).toMatchObject([
    { outcome: 'unknown', ok: false, error: { code: 'TIMEOUT' }, posted: { tool_calls: 1 } },
  ]);
});

test.each([
  { wallSeconds: 3 * DAY_SECONDS, modelMs: [300_000, 300_000], toolMs: [20_000, 20_000] },
  { wallSeconds: 100, modelMs: [90_000, 100_000], toolMs: [20_000, 20_000] },
  { wallSeconds: 12, modelMs: [2_000, 12_000], toolMs: [2_000, 12_000] },
])('start-to-close is min(timeout, what is left of $wallSeconds s)', async ({ wallSeconds, modelMs, toolMs }) => {
  const session = await real.start({ input: 'tool', limits: { wallSeconds } });
  expect(await session.result()).toMatchObject({ outcome: 'answered' });
  const scheduled = await scheduledCalls(session);
  expect(scheduled.map(({ name, summary }) => [name, summary])).toEqual([
    ['callModel', 'model gpt-5.4-mini'],
    ['callTool', 'tool counted'],
    ['callModel', 'model gpt-5.4-mini'],
  ]);
  for (const { name, startToCloseMs, scheduleToCloseMs, heartbeatMs, maximumAttempts } of scheduled) {
    const [least = 0, most = 0] = name === 'callModel' ? modelMs : toolMs;
    expect(startToCloseMs).toBeGreaterThanOrEqual(least);
    expect(startToCloseMs).toBeLessThanOrEqual(most);
    expect(scheduleToCloseMs).toBeLessThanOrEqual(wallSeconds * 1000);
    expect({ heartbeatMs, maximumAttempts }).toEqual({ heartbeatMs: 10_000, maximumAttempts: 1 });
  }
  // The deadline's own timer is in the history too, with its name.
  const timers = (await history(session)).filter(({ timerStartedEventAttributes }) => timerStartedEventAttributes);
  expect(timers.map(summaryOf)).toEqual(['deadline of the session']);
  expect(seconds(timers[0]?.timerStartedEventAttributes?.startToFireTimeout)).toBe(wallSeconds);
});

type HistoryEvent = NonNullable<Awaited<ReturnType<Session['handle']['fetchHistory']>>['events']>[number];

async function history(session: Session): Promise<HistoryEvent[]> {
  return (await session.handle.fetchHistory()).events ?? [];
}

function summaryOf({ userMetadata }: HistoryEvent): unknown {
  const data = userMetadata?.summary?.data;
  return data ? JSON.parse(Buffer.from(data).toString('utf8')) : null;
}

function seconds(duration: { seconds?: unknown; nanos?: number | null } | null | undefined): number {
  return Number(duration?.seconds ?? 0) + (duration?.nanos ?? 0) / 1e9;
}

async function scheduledCalls(session: Session) {
  return (await history(session)).flatMap((event) => {
    const attributes = event.activityTaskScheduledEventAttributes;
    const name = attributes?.activityType?.name ?? '';
    if (!attributes || !['callModel', 'callTool'].includes(name)) return [];
    return {
      name,
      summary: summaryOf(event),
      startToCloseMs: seconds(attributes.startToCloseTimeout) * 1000,
      scheduleToCloseMs: seconds(attributes.scheduleToCloseTimeout) * 1000,
      heartbeatMs: seconds(attributes.heartbeatTimeout) * 1000,
      maximumAttempts: attributes.retryPolicy?.maximumAttempts,
    };
  });
}
