import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Session } from '../../src/client.ts';
import type { AuditRecord, ChainedRecord } from '../../src/core/record.ts';
import { billUsdNano, type Turn } from '../../src/model-endpoint/index.ts';
import { toolsModule } from '../harness/stack.ts';
import { type Bench, brokenTable, startBench } from './kit.ts';

const PRICE = { inputUsdPerMillion: 0.75, outputUsdPerMillion: 4.5 };

const TOOLS = toolsModule(`
import { appendFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
const mark = (sessionId) => appendFileSync(new URL('./runs.log', import.meta.url), sessionId + '\\n');
export const note = defineTool({
  description: 'Leaves a mark.',
  input: z.object({}),
  execute: (_args, { sessionId }) => { mark(sessionId); return 'noted'; },
});
/** Breaks the store while it runs, so that what it says can not be kept. */
export const fuse = defineTool({
  description: 'Blows the fuse.',
  input: z.object({ sql: z.string() }),
  execute: ({ sql }, { sessionId }) => {
    mark(sessionId);
    const database = new DatabaseSync(new URL('./store.db', import.meta.url));
    database.exec(sql);
    database.close();
    return 'blown';
  },
});`);

let bench: Bench;
/** What a test does while the model thinks, by session: the user's text is the session's id. */
const whileThinking = new Map<string, () => void>();
const turns = new Map<string, Turn[]>();

// Each test has sessions of its own, and mostly waits for the next try of a call: they run side by side.
beforeAll(async () => {
  const tools = { note: { module: './tools.ts' }, fuse: { module: './tools.ts' } };
  const model = 'openai/scripted';
  const bot = { model, tools, limits: { usd: 1, wallSeconds: 60 }, maxOutputTokens: 2_000 };
  bench = await startBench({
    files: { 'tools.ts': TOOLS },
    config: {
      prices: { [model]: PRICE },
      agents: {
        bot,
        easy: { ...bot, audit: 'best_effort' },
        brief: { ...bot, limits: { usd: 1, wallSeconds: 3 } },
        lead: {
          model,
          audit: 'best_effort',
          limits: { usd: 1, wallSeconds: 60, maxRecursionDepth: 1 },
          agents: { easy: { limits: { usd: 0.5 } } },
        },
      },
    },
    script: (turn) => {
      const id = turn.lastUserText;
      turns.set(id, [...(turns.get(id) ?? []), turn]);
      if (turn.index > 0 || id === 'work') return { say: 'Done.' };
      if (id.startsWith('lead')) return { call: [{ tool: 'easy', args: { task: 'work' } }] };
      whileThinking.get(id)?.();
      whileThinking.delete(id);
      if (id.startsWith('fuse')) return { call: [{ tool: 'fuse', args: { sql: brokenTable('blobs', id) } }] };
      return { call: [{ tool: 'note', args: {} }] };
    },
  });
});

afterAll(() => bench.close());

let sessions = 0;
async function start(name: string, agent = 'bot', during?: (id: string) => void): Promise<Session> {
  const id = `${name}-${bench.taskQueue}-${sessions++}`;
  if (during) whileThinking.set(id, () => during(id));
  return bench.aegrail.start({ agent, user: 'ann', input: id, session: id });
}

/** Waits until a session's history has so many failed activities. */
async function untilFailed(session: Session, activities: number): Promise<void> {
  for (;;) {
    const { events } = await session.handle.fetchHistory();
    if ((events ?? []).filter((event) => event.activityTaskFailedEventAttributes).length >= activities) return;
    await delay(20);
  }
}

function only<E extends AuditRecord['event']>(
  records: readonly ChainedRecord[],
  event: E,
): Extract<ChainedRecord, { event: E }>['payload'][] {
  return records.filter((record) => record.event === event).map(({ payload }) => payload) as never;
}

/** All that was billed for a session is posted. */
function expectPaid(id: string, records: readonly ChainedRecord[]): void {
  const numbers = new Set(turns.get(id)?.map(({ requestNumber }) => requestNumber));
  const billed = bench.endpoint.calls.filter(({ requestNumber }) => numbers.has(requestNumber));
  expect(Math.round((records.at(-1)?.budget.usd_used ?? 0) * 1e9)).toBeGreaterThanOrEqual(billUsdNano(billed, PRICE));
}

test.concurrent('required: what can not be recorded does not run, and runs once when the store is back', async () => {
  let mend = (): void => {};
  const session = await start('records', 'bot', (id) => void (mend = bench.breakTable('records', id)));
  await untilFailed(session, 2);
  expect(bench.runs(session.id)).toEqual([]);
  mend();
  expect(await session.result()).toMatchObject({ outcome: 'answered', answer: 'Done.' });
  expect(bench.runs(session.id)).toHaveLength(1);
  const records = await bench.records(session.id);
  expect(only(records, 'tool_call')).toMatchObject([
    { outcome: 'not_started', error: { code: 'AUDIT_UNAVAILABLE' }, posted: { tool_calls: 0 } },
    { outcome: 'ok', posted: { tool_calls: 1 } },
  ]);
  expectPaid(session.id, records);
});

test.concurrent('required: a store that stays away past the deadline ends the session, with nothing run', async () => {
  let mend = (): void => {};
  const session = await start('gone', 'brief', (id) => void (mend = bench.breakTable('records', id)));
  await untilFailed(session, 1);
  // It has ended, and waits for the store with its last records.
  while (!(await session.view()).result) await delay(50);
  mend();
  await session.result().catch((thrown: unknown) => expect(thrown).toMatchObject({ code: 'AUDIT_UNAVAILABLE' }));
  expect(bench.runs(session.id)).toEqual([]);
  const records = await bench.records(session.id);
  // Whichever comes first: the deadline, or that the next try would be past it.
  expect(records.at(-1)).toMatchObject({
    event: 'session_ended',
    payload: { reason: expect.stringMatching(/^(wall_seconds|AUDIT_UNAVAILABLE)$/) as string },
  });
  expect(records.map(({ seq }) => seq)).toEqual(records.map((_, index) => index));
  expectPaid(session.id, records);
});

test.concurrent('required: a store that takes not even the first record ends the session as that, and as nobody asked for', async () => {
  const id = `never-${bench.taskQueue}`;
  const mend = bench.breakTable('records', id);
  const session = await bench.aegrail.start({ agent: 'brief', user: 'ann', input: id, session: id });
  while (!(await session.view().catch(() => null))?.result) await delay(50);
  mend();
  await session.result().catch((thrown: unknown) => expect(thrown).toMatchObject({ code: 'AUDIT_UNAVAILABLE' }));
  expect(turns.get(id)).toBeUndefined();
  const [end] = only(await bench.records(id), 'session_ended');
  // Whichever comes first, and not `cancelled`.
  expect(end?.reason).toMatch(/^(wall_seconds|AUDIT_UNAVAILABLE)$/);
});

test.concurrent('required: permits that can never be claimed end the session, and the model is never asked', async () => {
  const id = `unclaimed-${bench.taskQueue}`;
  const mend = bench.breakTable('claims', id);
  const session = await bench.aegrail.start({ agent: 'brief', user: 'ann', input: id, session: id });
  await expect(session.result()).rejects.toMatchObject({
    code: 'AUDIT_UNAVAILABLE',
    message: expect.stringMatching(/store did not take/) as string,
  });
  mend();
  expect(turns.get(id)).toBeUndefined();
  const records = await bench.records(id);
  expect(only(records, 'llm_call').length).toBeGreaterThan(1);
  for (const call of only(records, 'llm_call'))
    expect(call).toMatchObject({ outcome: 'not_started', posted: { usd_nano: 0 } });
});

test.concurrent('a permit that can not be claimed lets nothing run, and is tried again under a new one', async () => {
  let mend = (): void => {};
  const session = await start('claims', 'bot', (id) => void (mend = bench.breakTable('claims', id)));
  await untilFailed(session, 1);
  expect(bench.runs(session.id)).toEqual([]);
  mend();
  expect(await session.result()).toMatchObject({ outcome: 'answered' });
  expect(bench.runs(session.id)).toHaveLength(1);
  const [first, last] = only(await bench.records(session.id), 'tool_call');
  expect(first).toMatchObject({ outcome: 'not_started', error: { code: 'AUDIT_UNAVAILABLE' } });
  expect(last).toMatchObject({ outcome: 'ok' });
});

test.concurrent('best_effort: the call runs, the log of the worker says so, and the records come later', async () => {
  let mend = (): void => {};
  const session = await start('easy', 'easy', (id) => void (mend = bench.breakTable('records', id)));
  expect(await session.result()).toMatchObject({ outcome: 'answered', answer: 'Done.' });
  expect(bench.runs(session.id)).toHaveLength(1);
  const said = bench.logged.filter((line) => line.includes(session.id));
  expect(said[0]).toMatch(/could not be stored; audit is best_effort, the call runs/);
  expect(said[0]).toMatch(/the disk is full/);
  // What came before the store went is there, and nothing with a gap.
  const records = await bench.records(session.id);
  expect(records.map(({ event }) => event)).toEqual(['session_started', 'llm_admitted']);
  mend();
});

test.concurrent('best_effort: a store that comes back gets all records, without a gap', async () => {
  let mend = (): void => {};
  const session = await start('back', 'easy', (id) => {
    mend = bench.breakTable('records', id);
  });
  // The tool has run while the store was down; the model is asked once more, or the end is written.
  while (bench.runs(session.id).length === 0) await delay(5);
  mend();
  expect(await session.result()).toMatchObject({ outcome: 'answered' });
  const records = await bench.records(session.id);
  expect(records.at(-1)?.event).toBe('session_ended');
  expect(only(records, 'tool_call')).toMatchObject([{ outcome: 'ok' }]);
});

test.concurrent('a tool whose answer can not be kept is not run again; the model is told that its end is not known', async () => {
  const session = await start('fuse');
  await untilFailed(session, 1);
  // The model's next answer can not be kept either: it was paid for, and is asked for again.
  await untilFailed(session, 2);
  bench.mendTable('blobs', session.id);
  expect(await session.result()).toMatchObject({ outcome: 'answered' });
  expect(bench.runs(session.id)).toHaveLength(1);
  const records = await bench.records(session.id);
  expect(only(records, 'tool_call')).toMatchObject([
    { outcome: 'unknown', error: { code: 'RESULT_LOST' }, posted: { tool_calls: 1 } },
  ]);
  expect(
    turns
      .get(session.id)
      ?.at(-1)
      ?.lastToolResults.map(({ text }) => text),
  ).toEqual([expect.stringMatching(/may have taken effect/)]);
  const lost = only(records, 'llm_call').filter(({ error }) => error?.code === 'ANSWER_LOST');
  expect(lost.length).toBeGreaterThan(0);
  for (const { outcome, posted } of lost) {
    expect(outcome).toBe('unknown');
    expect(posted.usd_nano).toBeGreaterThan(0);
  }
  expectPaid(session.id, records);
});

test.concurrent('best_effort: an agent that ran without a log counts with all that it was given', async () => {
  const id = `lead-${bench.taskQueue}`;
  // session_started, llm_admitted, llm_call, tool_admitted.
  const mend = bench.breakTable('records', `${id}.3`);
  const session = await bench.aegrail.start({ agent: 'lead', user: 'ann', input: id, session: id });
  expect(await session.result()).toMatchObject({ outcome: 'answered' });
  mend();
  expect(await bench.records(`${id}.3`)).toEqual([]);
  expect(turns.get('work')).toHaveLength(1);
  const [ended] = only(await bench.records(id), 'tool_call');
  expect(ended).toMatchObject({
    outcome: 'unknown',
    posted: { usd_nano: 500_000_000 },
    agent: { session_id: `${id}.3`, outcome: 'unknown' },
  });
});
