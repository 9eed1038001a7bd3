import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { CancelledFailure } from '@temporalio/common';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { Aegrail, type Session } from '../../src/client.ts';
import type { ChainedRecord } from '../../src/core/record.ts';
import type { SessionResult } from '../../src/protocol.ts';
import { type BilledCall, route } from '../../src/model-endpoint/index.ts';
import { payloads } from '../fixtures/workflows/payloads.ts';
import { openStore } from '../../src/store/open.ts';
import { SLOW_TOOLS } from '../fixtures/workflows/slow-tools.ts';
import { startSilentWorker } from '../fixtures/workflows/silent-worker.ts';
import { startSecondWorker } from '../fixtures/workflows/second-worker.ts';
import { stoppedWithinMs } from '../fixtures/workflows/stopped-within.ts';
import { until } from '../fixtures/workflows/until.ts';
import { checkSession } from '../harness/check-session.ts';
import { botConfig, type Stack, startStack } from '../harness/stack.ts';

/** What a worker that says nothing is waited for. */
const GRACE_MS = 5_000;
/** A stop takes at most this, whatever runs. */
const STOP_MS = GRACE_MS + 2_000;

const bot = botConfig({
  tools: {
    listening: { module: './tools.ts', timeoutSeconds: 100 },
    deaf: { module: './tools.ts', timeoutSeconds: 100 },
    counted: { module: './tools.ts' },
  },
});
// A model of its own, so that its calls can be told from the others'.
const slow = { model: 'openai/gpt-5.4-nano', limits: { usd: 1, wallSeconds: 600 } };
const config = { ...bot, agents: { ...bot.agents, slow } };

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({
    config,
    files: { 'tools.ts': SLOW_TOOLS },
    script: route([
      { model: 'nano', play: { delayMs: 60_000, next: { say: 'Too late.' } } },
      { user: 'twice, soon', play: { fail: { status: 429, retryAfterSeconds: 1 } } },
      { user: 'rate limit', play: { fail: { status: 429, retryAfterSeconds: 60 } } },
      { user: 'listening', play: ({ lastUserText: name }) => ({ call: [{ tool: 'listening', args: { name } }] }) },
      { user: 'deaf', play: ({ lastUserText: name }) => ({ call: [{ tool: 'deaf', args: { name } }] }) },
      {
        user: 'too many',
        play: ({ lastUserText: name }) => ({
          call: [
            { tool: 'listening', args: { name } },
            { tool: 'counted', args: { name } },
          ],
        }),
      },
      { play: { say: 'Done.' } },
    ]),
  });
});

afterAll(() => stack.close());

/** Waits until the session is cancelled, and gives the result that it left. */
async function ended(session: Session): Promise<SessionResult> {
  await expect(session.handle.result()).rejects.toMatchObject({ cause: expect.any(CancelledFailure) });
  const { memo } = await session.handle.describe();
  expect(memo).toMatchObject({ outcome: 'cancelled' });
  const result = memo?.['result'] as SessionResult;
  expect(result).toMatchObject({ sessionId: session.id, outcome: 'cancelled', answer: null, reason: null });
  expect(await session.result()).toEqual(result);
  return result;
}

/** Cancels, and gives how long it took to end. */
async function timed(session: Session, cancel: () => Promise<unknown>): Promise<number> {
  await cancel();
  await ended(session);
  return stoppedWithinMs(session);
}

/** The session is Canceled in Temporal, its log has the two records of it and nothing is left reserved. */
async function expectCancelled(session: Session, inFlight: number): Promise<ChainedRecord[]> {
  expect((await session.handle.describe()).status.name).toBe('CANCELLED');
  const records = await stack.records(session.id);
  expect(payloads(records, 'cancel_requested')).toEqual([{ in_flight: inFlight }]);
  const last = records.at(-1);
  expect(last).toMatchObject({ event: 'session_ended', payload: { outcome: 'cancelled', records: records.length } });
  expect(last?.budget).toMatchObject({ usd_reserved: 0, tokens_reserved: 0, tool_calls_reserved: 0 });
  return records;
}

const started = (name: string): Promise<boolean> =>
  until(`the tool of ${name} runs`, async () => (await runs()).includes(`start ${name}`));

async function runs(): Promise<string> {
  return readFile(join(stack.dir, 'runs.log'), 'utf8').catch(() => '');
}

async function cancelByCli(id: string): Promise<void> {
  const args = ['workflow', 'cancel', '--workflow-id', id, '--address', inject('address')];
  await promisify(execFile)(inject('temporalBinary'), args);
}

/** Renames the table of records: while it has another name, the store answers nothing but errors. */
function renameRecords(file: string, from: string, to: string): void {
  const db = new DatabaseSync(file);
  db.exec(`PRAGMA busy_timeout = 5000; ALTER TABLE ${from} RENAME TO ${to}`);
  db.close();
}

/** A store that answers nothing but errors. */
function dropTables(file: string): void {
  const db = new DatabaseSync(file);
  db.exec('PRAGMA foreign_keys = OFF');
  for (const { name } of db.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all()) {
    db.exec(`DROP TABLE "${String(name)}"`);
  }
  db.close();
}

test.concurrent('a model call that hangs is aborted, and posted at its worst case', async () => {
  const session = await stack.start({ agent: 'slow' });
  const billed = (): BilledCall | undefined => stack.endpoint.calls.find(({ model }) => model === 'gpt-5.4-nano');
  const asked = await until('the model is asked', billed);
  expect(asked.aborted).toBe(false);
  expect((await session.view()).doing).toBe('waiting for the model');
  expect(await timed(session, () => session.handle.cancel())).toBeLessThan(STOP_MS);

  const records = await expectCancelled(session, 1);
  const [admitted] = payloads(records, 'llm_admitted');
  expect(payloads(records, 'llm_call')).toMatchObject([
    { outcome: 'cancelled', error: { code: 'CANCELLED' }, usage: null, posted: admitted?.reserved },
  ]);
  await until('the endpoint sees the client go', () => billed()?.aborted);
});

test.concurrent('a tool that listens to its signal is stopped, by Session.cancel with a reason', async () => {
  const session = await stack.start({ input: 'listening one' });
  await started('listening one');
  expect(await timed(session, () => session.cancel('the customer hung up'))).toBeLessThan(STOP_MS);

  const records = await expectCancelled(session, 1);
  const [call] = payloads(records, 'tool_call');
  expect(call).toMatchObject({ outcome: 'cancelled', ok: false, posted: { tool_calls: 1 } });
  expect(await runs()).toContain('stopped listening one');
  const { events } = await session.handle.fetchHistory();
  const request = events?.find((event) => event.workflowExecutionCancelRequestedEventAttributes);
  expect(request?.workflowExecutionCancelRequestedEventAttributes?.cause).toBe('the customer hung up');
});

test.concurrent('a tool that does not listen is abandoned, recorded so and posted, by the temporal CLI', async () => {
  const session = await stack.start({ input: 'deaf one' });
  await started('deaf one');
  expect(await timed(session, () => cancelByCli(session.id))).toBeLessThan(STOP_MS);

  const records = await expectCancelled(session, 1);
  const [call] = payloads(records, 'tool_call');
  expect(call).toMatchObject({ outcome: 'abandoned', ok: false, posted: { tool_calls: 1 } });
  expect(await runs()).not.toContain('stopped deaf one');
});

test.concurrent('a pause before the next try is cut short', async () => {
  const session = await stack.start({ input: 'rate limit' });
  const doing = await until('the pause', async () => {
    const view = await session.view().catch(() => null);
    return view?.records.at(-1)?.event === 'llm_call' && view.doing;
  });
  expect(doing).toMatch(/^waiting \d+ s before the next try of the model$/);
  expect(await timed(session, () => session.cancel())).toBeLessThan(STOP_MS);

  const records = await expectCancelled(session, 0);
  const [call] = payloads(records, 'llm_call');
  expect(call).toMatchObject({ outcome: 'not_started', posted: { usd_nano: 0, tokens: 0 } });
});

test.concurrent('cancelling twice is cancelling once', async () => {
  const session = await stack.start({ input: 'deaf twice' });
  await started('deaf twice');
  const took = await timed(session, () =>
    Promise.all([session.cancel('one'), session.cancel('two'), cancelByCli(session.id)]),
  );
  expect(took).toBeLessThan(STOP_MS);
  await expectCancelled(session, 1);
});

test.concurrent('a cancel beats a budget that ran out while a call was in flight', async () => {
  const session = await stack.start({ input: 'too many', limits: { maxToolCalls: 1 } });
  await started('too many');
  await until('the kill is decided', async () =>
    (await session.view()).records.some(({ event }) => event === 'budget_exceeded'),
  );
  expect(await timed(session, () => session.cancel())).toBeLessThan(STOP_MS);
  await expectCancelled(session, 1);
});

test.concurrent('a session that was cancelled before any worker saw it calls nothing, and says so', async () => {
  const taskQueue = `${stack.taskQueue}-late`;
  const aegrail = new Aegrail(stack.client, { taskQueue });
  const session = await aegrail.start({ agent: 'bot', user: 'ann@acme.com', input: 'Hello before any worker.' });
  await session.cancel('changed my mind');
  const worker = await startSecondWorker(stack, config, { taskQueue, storeFile: 'store.db' });
  try {
    expect(await ended(session)).toMatchObject({ budget: { tokens_used: 0, usd_used: 0 } });
    const records = await expectCancelled(session, 0);
    expect(records.map(({ event }) => event)).toEqual(['session_started', 'cancel_requested', 'session_ended']);
    await checkSession(stack.client, session.id, records);
  } finally {
    await worker.stop();
  }
});

test.concurrent('a session that no worker can open is cancelled all the same', async () => {
  const taskQueue = `${stack.taskQueue}-broken`;
  const worker = await startSecondWorker(stack, config, { taskQueue, storeFile: 'broken.db' });
  try {
    dropTables(join(stack.dir, 'broken.db'));
    const session = await new Aegrail(stack.client, { taskQueue }).start({
      agent: 'bot',
      user: 'ann',
      input: 'Hello.',
    });
    await until('openSession failed', async () => {
      const { events } = await session.handle.fetchHistory();
      return events?.some((event) => event.activityTaskFailedEventAttributes);
    });
    await session.cancel();
    await expect(session.handle.result()).rejects.toMatchObject({ cause: expect.any(CancelledFailure) });
    expect(await stoppedWithinMs(session)).toBeLessThan(STOP_MS);
  } finally {
    await worker.stop();
  }
});

test.concurrent('while the store is away a cancel is decided at once, and ends when the store is back', async () => {
  const taskQueue = `${stack.taskQueue}-away`;
  const file = join(stack.dir, 'away.db');
  const worker = await startSecondWorker(stack, config, { taskQueue, storeFile: 'away.db' });
  try {
    const session = await new Aegrail(stack.client, { taskQueue }).start({
      agent: 'bot',
      user: 'ann',
      input: 'twice, soon',
    });
    await until(
      'the first try',
      async () => (await session.view().catch(() => null))?.records.at(-1)?.event === 'llm_call',
    );
    renameRecords(file, 'records', 'away');
    await until('the session waits for the store', async () => {
      const { events } = await session.handle.fetchHistory();
      return events?.filter((event) => event.activityTaskFailedEventAttributes).length === 3;
    });
    await session.cancel();
    await until('the end is decided', async () => (await session.view()).doing === 'ended: cancelled', STOP_MS);
    expect((await session.handle.describe()).status.name).toBe('RUNNING');
    renameRecords(file, 'away', 'records');
    expect(await ended(session)).toMatchObject({ budget: { tokens_used: 0 } });
    const store = await openStore('sqlite:away.db', stack.dir);
    const records = await Array.fromAsync(store.records(session.id));
    await store.close();
    expect(records.slice(-2).map(({ event }) => event)).toEqual(['cancel_requested', 'session_ended']);
    await checkSession(stack.client, session.id, records);
  } finally {
    await worker.stop();
  }
});

test.concurrent('a worker that says nothing any more is waited for during the grace period, and no longer', async () => {
  const taskQueue = `${stack.taskQueue}-silent`;
  const worker = await startSilentWorker(stack, config, { taskQueue, silent: 'callTool' });
  try {
    const session = await new Aegrail(stack.client, { taskQueue }).start({
      agent: 'bot',
      user: 'ann',
      input: 'deaf, silent',
    });
    await until(
      'the tool is called',
      async () => (await session.view().catch(() => null))?.doing === 'waiting for deaf',
    );
    const tookMs = await timed(session, () => session.cancel());
    expect(tookMs).toBeGreaterThan(GRACE_MS - 1_000);
    expect(tookMs).toBeLessThan(STOP_MS);
    const records = await expectCancelled(session, 1);
    expect(payloads(records, 'tool_call')).toMatchObject([
      { outcome: 'abandoned', error: { code: 'ABANDONED' }, posted: { tool_calls: 1 } },
    ]);
    await checkSession(stack.client, session.id, records);
  } finally {
    await worker.stop();
  }
});

test.concurrent('a session that is being opened by a worker that says nothing is cancelled after the grace period', async () => {
  const taskQueue = `${stack.taskQueue}-unopened`;
  const worker = await startSilentWorker(stack, config, { taskQueue, silent: 'openSession' });
  try {
    const session = await new Aegrail(stack.client, { taskQueue }).start({
      agent: 'bot',
      user: 'ann',
      input: 'Hello.',
    });
    await until(
      'it is being opened',
      async () => (await session.handle.describe()).raw.pendingActivities?.length === 1,
    );
    await session.cancel();
    await expect(session.handle.result()).rejects.toMatchObject({ cause: expect.any(CancelledFailure) });
    expect(await stoppedWithinMs(session)).toBeLessThan(STOP_MS);
    expect(await stack.records(session.id)).toEqual([]);
  } finally {
    await worker.stop();
  }
});
