import { randomUUID } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Session } from '../../src/client.ts';
import type { AuditRecord, ChainedRecord } from '../../src/core/record.ts';
import type { Turn } from '../../src/model-endpoint/index.ts';
import { PAUSE, RESUME, SESSION_WORKFLOW } from '../../src/protocol.ts';
import { until } from '../fixtures/workflows/until.ts';
import { botConfig, type Stack, startStack, toolsModule } from '../harness/stack.ts';

const TOOLS = toolsModule(`
import { existsSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
const at = (name) => new URL(name, import.meta.url);
export const wait = defineTool({
  description: 'Waits until a file is there.',
  input: z.object({ name: z.string() }),
  async execute({ name }, { signal }) {
    writeFileSync(at(name + '.started'), '');
    while (!existsSync(at(name + '.go'))) await delay(20, undefined, { signal });
    return 'waited';
  },
});`);

const BY = { by: 'bob@acme.com', reason: 'looking into it' };
const DOING = 'paused by bob@acme.com (looking into it)';

let stack: Stack;
beforeAll(async () => {
  const bot = botConfig({ tools: { wait: { module: './tools.ts' } }, maxParallelCalls: 1 });
  stack = await startStack({
    files: { 'tools.ts': TOOLS },
    config: bot,
    script: (turn: Turn) => {
      const [what, ...names] = turn.lastUserText.split(' ');
      if (what === 'limited' && turn.attempt === 0) return { fail: { status: 429, retryAfterSeconds: 1 } };
      if (what === 'wait' && turn.lastToolResults.length === 0)
        return { call: names.map((name) => ({ tool: 'wait', args: { name } })) };
      return { say: `done: ${turn.lastUserText}` };
    },
  });
});
afterAll(() => stack.close());

const started = (name: string): Promise<boolean> => until(name, () => existsSync(join(stack.dir, `${name}.started`)));
const go = (name: string): void => writeFileSync(join(stack.dir, `${name}.go`), '');
const doing = async (session: Session): Promise<string> => (await session.view().catch(() => null))?.doing ?? '';
const untilDoing = (session: Session, what: string): Promise<true> =>
  until(what, async () => ((await doing(session)) === what ? (true as const) : null));
const events = (records: readonly AuditRecord[]): string[] => records.map(({ event }) => event);

/** The log as it is stored when all that happened is stored. */
async function stored(session: Session): Promise<ChainedRecord[]> {
  return until('what happened is stored', async () => {
    const { nextSeq } = await session.view();
    const records = await stack.records(session.id);
    return records.length === nextSeq ? records : null;
  });
}

test('what is in flight ends, nothing more is begun, what happened is stored; and it goes on', async () => {
  const session = await stack.start({ input: 'wait a b' });
  await started('a');
  expect(await session.pause(BY)).toEqual({ outcome: 'paused', changed: true, ...BY });
  expect(await doing(session)).toBe(`${DOING}, waiting for wait`);
  // At once, not only when the call has ended.
  expect(events(await stored(session)).at(-1)).toBe('session_paused');
  go('a');
  await untilDoing(session, DOING);
  const paused = await stored(session);
  expect(paused.at(-1)).toMatchObject({ event: 'tool_call', payload: { outcome: 'ok' } });
  const calls = stack.endpoint.calls.length;
  await delay(500);
  expect(existsSync(join(stack.dir, 'b.started'))).toBe(false);
  expect(await stack.records(session.id)).toEqual(paused);
  expect(stack.endpoint.calls).toHaveLength(calls);

  go('b');
  expect(await session.resume({ by: 'eve@acme.com' })).toEqual({
    outcome: 'running',
    changed: true,
    by: null,
    reason: null,
  });
  expect(await session.result()).toMatchObject({ outcome: 'answered', budget: { tool_calls: 2 } });
  const payloads = (await stack.records(session.id)).flatMap(({ event, payload }) =>
    event === 'session_paused' || event === 'session_resumed' ? [[event, payload]] : [],
  );
  expect(payloads).toEqual([
    ['session_paused', BY],
    ['session_resumed', { by: 'eve@acme.com', reason: null }],
  ]);
});

test('no model call is begun either: not the first, nor a further try', async () => {
  const limited = await stack.start({ input: 'limited' });
  await until('the first try failed', async () => (await doing(limited)).includes('next try'));
  await limited.pause(BY);
  await delay(1_500);
  expect(events(await stored(limited)).filter((event) => event === 'llm_admitted')).toHaveLength(1);
  await limited.resume(BY);
  expect(await limited.result()).toMatchObject({ answer: 'done: limited' });

  // Paused before it was opened: by a signal that came with its start.
  const id = `early-${randomUUID()}`;
  await stack.client.workflow.signalWithStart(SESSION_WORKFLOW, {
    workflowId: id,
    taskQueue: stack.taskQueue,
    args: [{ agent: 'bot', user: 'ann@acme.com', input: 'hello' }],
    signal: PAUSE,
    signalArgs: [BY],
  });
  const early = await stack.start({ session: id, input: 'hello' });
  await untilDoing(early, DOING);
  expect(events(await stored(early))).toEqual(['session_started', 'session_paused']);
  await early.resume(BY, { wait: false });
  expect(await early.result()).toMatchObject({ answer: 'done: hello' });
});

test('a paused session is cancelled, and ended by its clock, as any other', async () => {
  const [cancelled, late] = await Promise.all([
    stack.start({ input: 'wait c' }),
    stack.start({ input: 'wait d', limits: { wallSeconds: 3 } }),
  ]);
  for (const [session, name] of [
    [cancelled, 'c'],
    [late, 'd'],
  ] as const) {
    await started(name);
    await session.pause(BY);
    go(name);
    await untilDoing(session, DOING);
  }
  await cancelled.cancel();
  expect(await cancelled.result()).toMatchObject({ outcome: 'cancelled' });
  expect(await late.result()).toMatchObject({ outcome: 'killed', reason: 'wall_seconds' });
});

test('twice is once, and what has ended is not paused', async () => {
  const session = await stack.start({ input: 'wait e' });
  await started('e');
  expect(await session.resume(BY)).toEqual({ outcome: 'running', changed: false, by: null, reason: null });
  await session.pause(BY);
  expect(await session.pause({ by: 'eve@acme.com' })).toEqual({ outcome: 'paused', changed: false, ...BY });
  await session.pause({ by: 'eve@acme.com' }, { wait: false });
  await session.resume({ by: 'eve@acme.com' });
  go('e');
  await session.result();
  expect(events(await stack.records(session.id)).filter((event) => /_(paused|resumed)$/.test(event))).toHaveLength(2);
  await expect(session.pause(BY)).rejects.toMatchObject({ code: 'SESSION_ENDED' });
  await expect(session.resume(BY, { wait: false })).rejects.toMatchObject({ code: 'SESSION_ENDED' });
  const nobody = stack.aegrail.session(`none-${randomUUID()}`);
  await expect(nobody.pause(BY)).rejects.toMatchObject({ code: 'SESSION_UNKNOWN' });
});

test('a conversation that waits is paused too: it hears, answers when it is resumed, and can be ended', async () => {
  const session = await stack.start({ input: 'one', conversation: true });
  await untilDoing(session, 'waiting for what is said next');
  await session.pause(BY);
  expect(events(await stored(session)).at(-1)).toBe('session_paused');
  const calls = stack.endpoint.calls.length;
  const reply = session.send('two');
  await until('the message', async () => events((await session.view()).records).includes('message_received'));
  expect(await doing(session)).toBe(DOING);
  expect(stack.endpoint.calls).toHaveLength(calls);
  await session.resume(BY);
  expect(await reply).toMatchObject({ answer: 'done: two' });
  await session.pause(BY);
  await session.end();
  expect(await session.result()).toMatchObject({ outcome: 'answered', answer: 'done: two' });
});

test('a session that is reset is still paused, and says so', async () => {
  const session = await stack.start({ input: 'wait f' });
  await started('f');
  await session.pause(BY);
  go('f');
  await untilDoing(session, DOING);
  const before = await stored(session);
  const { events: history } = await session.handle.fetchHistory();
  const tasks = (history ?? []).filter((event) => event.workflowTaskCompletedEventAttributes);
  await stack.client.workflowService.resetWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId: session.id },
    reason: 'an operator tries again',
    workflowTaskFinishEventId: tasks[2]?.eventId ?? null,
    requestId: randomUUID(),
  });
  await until('the reset', async () => events(await stack.records(session.id)).includes('session_reset'));
  await untilDoing(session, DOING);
  await session.resume(BY);
  expect(await session.result()).toMatchObject({ outcome: 'answered' });
  expect((await stack.records(session.id)).slice(0, before.length)).toEqual(before);
});

describe('what is malformed is refused, and harms nothing', () => {
  const cases: readonly (readonly [string, readonly unknown[], RegExp])[] = [
    ['nothing', [], /one JSON object/],
    ['text', ['bob'], /one JSON object/],
    ['two arguments', [BY, BY], /one JSON object/],
    ['nobody', [{ reason: 'x' }], /by must say/],
    ['a blank name', [{ by: ' ' }], /by must say/],
    ['a number', [{ by: 3 }], /by must say/],
    ['a name in two lines', [{ by: 'bob\neve' }], /by must say/],
    ['half a character', [{ by: 'bob\ud800' }], /by must say/],
    ['a reason that is none', [{ by: 'bob', reason: null }], /reason must be/],
    ['a book', [{ by: 'bob', reason: 'x'.repeat(501) }], /reason must be/],
    ['a member more', [{ ...BY, force: true }], /not known/],
  ];

  test('updates and signals', async () => {
    const session = await stack.start({ input: 'wait g' });
    await started('g');
    for (const name of [PAUSE, RESUME])
      for (const [what, args, says] of cases) {
        const refused = await session.handle.executeUpdate(name, { args: args as [] }).then(
          () => null,
          (thrown: unknown) => thrown as { cause?: Error },
        );
        expect(refused?.cause?.message, `${name}: ${what}`).toMatch(says);
        await session.handle.signal(name, ...(args as []));
      }
    await expect(session.pause({ by: '' })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    expect(await doing(session)).toBe('waiting for wait');
    go('g');
    expect(await session.result()).toMatchObject({ outcome: 'answered' });
    expect(events(await stack.records(session.id)).some((event) => /_(paused|resumed)$/.test(event))).toBe(false);
  });
});
