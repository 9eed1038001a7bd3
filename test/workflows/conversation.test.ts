import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { END, SEND } from '../../src/protocol.ts';
import type { Session } from '../../src/client.ts';
import type { Turn } from '../../src/model-endpoint/index.ts';
import { aegrail } from '../cli/kit.ts';
import { until } from '../fixtures/workflows/until.ts';
import { botConfig, type Stack, startStack, toolsModule } from '../harness/stack.ts';

const TOOLS = toolsModule(`
export const look = defineTool({ description: 'Looks.', input: z.object({}), execute: () => 'seen' });`);

let stack: Stack;
let held = Promise.resolve();
beforeAll(async () => {
  stack = await startStack({
    files: { 'tools.ts': TOOLS },
    script: async (turn: Turn) => {
      if (turn.lastUserText === 'hold') await held;
      const said = turn.messages.filter(({ role }) => role === 'user').map(({ text }) => text);
      if (turn.lastUserText.startsWith('look') && turn.lastToolResults.length === 0)
        return { call: [{ tool: 'look', args: {} }] };
      return { say: `heard: ${said.join(' | ')}` };
    },
    config: botConfig({
      tools: { look: { module: './tools.ts' } },
      limits: { usd: 1, maxToolCalls: 3, wallSeconds: 600 },
    }),
  });
});
afterAll(() => stack.close());

const converse = (input = 'one'): Promise<Session> => stack.start({ input, conversation: true });
const events = async (id: string): Promise<string[]> => (await stack.records(id)).map(({ event }) => event);

test('a conversation answers, waits, and keeps what was said', async () => {
  const session = await converse();
  expect(await session.send('two')).toMatchObject({ outcome: 'answered', answer: 'heard: one | two' });
  expect(await session.send('look, three')).toMatchObject({ answer: 'heard: one | two | look, three' });
  expect(await session.view()).toMatchObject({ doing: 'waiting for what is said next', result: null });
  await session.end();
  expect(await session.result()).toMatchObject({ outcome: 'answered', answer: 'heard: one | two | look, three' });
  const records = await stack.records(session.id);
  expect(records.filter(({ event }) => event === 'message_received').map(({ payload }) => payload)).toMatchObject([
    { bytes: 3, via: 'update' },
    { bytes: 11, via: 'update' },
  ]);
  expect(records.filter(({ event }) => event === 'turn_answered')).toHaveLength(3);
});

test('what it was started with has an answer to ask for, as any message', async () => {
  const session = await converse('look');
  const first = { outcome: 'answered', answer: 'heard: look' };
  expect(await session.firstReply()).toMatchObject(first);
  await session.send('two');
  expect(await session.firstReply()).toMatchObject(first);
  await session.end();
  await session.result();
  await expect(session.firstReply()).rejects.toMatchObject({ code: 'MESSAGE_REFUSED' });
  expect((await events(session.id)).filter((event) => event === 'message_received')).toHaveLength(1);
  const once = await stack.start({ input: 'one' });
  await expect(once.firstReply()).rejects.toMatchObject({ code: 'MESSAGE_REFUSED' });
  await once.result();
});

test('what happened is stored while it waits: nothing is lost should it wait for weeks', async () => {
  const session = await converse();
  await session.send('two');
  const { nextSeq } = await session.view();
  await expect.poll(() => events(session.id)).toHaveLength(nextSeq);
  expect((await stack.records(session.id)).at(-1)?.event).toBe('turn_answered');
  await session.end();
  await session.result();
});

test('what is said in a turn is answered in order, and the same id twice is one message', async () => {
  const session = await converse('look');
  for (const text of ['a', 'b']) await session.post(text, { id: `id-${text}` });
  const replies = await Promise.all(['c', 'b', 'a'].map((text) => session.send(text, { id: `id-${text}` })));
  expect(replies.map(({ answer }) => answer)).toEqual([
    'heard: look | a | b | c',
    'heard: look | a | b',
    'heard: look | a',
  ]);
  await session.end();
  await session.result();
  expect((await events(session.id)).filter((event) => event === 'message_received')).toHaveLength(3);
});

test('a message whose answer is not kept any more does not wait for ever', async () => {
  const session = await converse();
  for (let index = 0; index < 102; index++) await session.send(`m${index}`, { id: `m${index}` });
  const { handle } = session;
  const again = await handle.executeUpdate(SEND, { args: [{ id: 'm0', text: 'm0' }], updateId: 'another' });
  expect(again).toMatchObject({ outcome: 'answered', answer: null });
  await session.end();
  await session.result();
});

test('a signal says the same without an answer', async () => {
  const session = await converse();
  await session.post('two', { id: 'posted' });
  await session.post('two', { id: 'posted' });
  expect(await session.send('three')).toMatchObject({ answer: 'heard: one | two | three' });
  await session.end();
  await session.result();
});

test('whoever waits for an answer is told when the session is killed or cancelled instead', async () => {
  const killed = await converse('look');
  expect(await killed.send('look again')).toMatchObject({ outcome: 'answered' });
  expect(await killed.send('look thrice')).toMatchObject({ outcome: 'answered' });
  expect(await killed.send('look')).toMatchObject({ outcome: 'killed', answer: null });
  expect(await killed.result()).toMatchObject({ outcome: 'killed', reason: 'max_tool_calls' });
  const cancelled = await converse();
  await cancelled.send('two');
  const release = Promise.withResolvers<void>();
  held = release.promise;
  const waiting = cancelled.send('hold');
  await until('its turn', async () => ((await cancelled.view()).doing === 'waiting for the model' ? true : null));
  await cancelled.cancel();
  expect(await waiting).toMatchObject({ outcome: 'cancelled', answer: null });
  release.resolve();
  expect(await cancelled.result()).toMatchObject({ outcome: 'cancelled' });
});

test('whoever waits for an answer is told when the session is terminated', async () => {
  const release = Promise.withResolvers<void>();
  held = release.promise;
  const session = await stack.start({ input: 'hold', conversation: true });
  const lost = session.firstReply().catch((thrown: unknown) => thrown);
  const isAccepted = async (): Promise<boolean> =>
    (await session.handle.fetchHistory()).events?.some(
      (event) => event.workflowExecutionUpdateAcceptedEventAttributes,
    ) ?? false;
  await until('it is asked', async () => ((await isAccepted()) ? true : null));
  await session.handle.terminate();
  release.resolve();
  expect(await lost).toMatchObject({
    code: 'SESSION_LOST',
    message: `The session ${session.id} was ended from outside before it answered.`,
  });
});

describe('what is malformed is refused, and harms nothing', () => {
  test.each<[string, readonly unknown[], RegExp]>([
    ['nothing', [], /one JSON object/],
    ['text', ['hello'], /one JSON object/],
    ['two arguments', [{ id: 'a', text: 'b' }, 1], /one JSON object/],
    ['no id', [{ text: 'b' }], /id must be/],
    ['an id with a space', [{ id: 'a b', text: 'b' }], /id must be/],
    ['no text', [{ id: 'a' }], /must be text/],
    ['an empty text', [{ id: 'a', text: '' }], /text is empty, and must say something/],
    ['a text of white space', [{ id: 'a', text: ' \n\t' }], /text is empty/],
    ['a number', [{ id: 'a', text: 3 }], /must be text/],
    ['a member more', [{ id: 'a', text: 'b', admin: true }], /not known/],
    ['too much', [{ id: 'a', text: 'x'.repeat(1_000_001) }], /text has 1000003 bytes as JSON, and may have 262144/],
  ])('%s', async (_what, args, says) => {
    const session = await converse();
    const before = await stack.records(session.id);
    const refused = await session.handle.executeUpdate(SEND, { args: args as [] }).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expect((refused as { cause?: Error }).cause?.message).toMatch(says);
    await session.handle.signal(SEND, ...(args as []));
    expect(await session.send('two')).toMatchObject({ answer: 'heard: one | two' });
    expect(before.some(({ event }) => event === 'message_received')).toBe(false);
    await session.end();
    await session.result();
  });

  test('an empty text is refused before anything is sent, by each door', async () => {
    const session = await converse();
    const empty = { code: 'INPUT_INVALID', message: expect.stringContaining('is empty') as string };
    await expect(session.send('')).rejects.toMatchObject(empty);
    await expect(session.post(' ')).rejects.toMatchObject(empty);
    await expect(converse('\n')).rejects.toMatchObject(empty);
    const cli = await aegrail(['send', session.id, '']);
    expect(cli).toMatchObject({ code: 2, out: '', err: expect.stringContaining('text is empty') as string });
    await session.end();
    await session.result();
    expect(await events(session.id)).not.toContain('message_received');
  });

  test('a message to a session that ends with its answer, and to one that has ended', async () => {
    const once = await stack.start({ input: 'one' });
    await once.result();
    await expect(once.send('two')).rejects.toMatchObject({ code: 'MESSAGE_REFUSED' });
    await expect(once.post('two')).rejects.toMatchObject({ code: 'MESSAGE_REFUSED' });
    await expect(stack.aegrail.session(`none-${randomUUID()}`).send('two')).rejects.toMatchObject({
      code: 'SESSION_UNKNOWN',
    });
  });

  test('one that has ended can not be ended or cancelled any more; one that never was is unknown', async () => {
    const session = await converse();
    await session.end();
    await session.result();
    await expect(session.end()).rejects.toMatchObject({ code: 'SESSION_ENDED' });
    await expect(session.cancel()).rejects.toMatchObject({ code: 'SESSION_ENDED' });
    const none = stack.aegrail.session(`none-${randomUUID()}`);
    await expect(none.end()).rejects.toMatchObject({ code: 'SESSION_UNKNOWN' });
    await expect(none.cancel()).rejects.toMatchObject({ code: 'SESSION_UNKNOWN' });
  });

  test('one that ends by itself is not told to end, by the client or an update, and goes on', async () => {
    const release = Promise.withResolvers<void>();
    held = release.promise;
    const once = await stack.start({ input: 'hold' });
    const refused = /no conversation: it ends by itself/;
    // Also without an answer, which a signal has none of.
    for (const say of [() => once.send('two'), () => once.post('two')])
      await expect(say()).rejects.toMatchObject({
        code: 'MESSAGE_REFUSED',
        message: expect.stringContaining('not started as a conversation') as string,
      });
    await expect(once.end()).rejects.toMatchObject({
      code: 'END_REFUSED',
      message: expect.stringMatching(refused) as string,
    });
    const update = await once.handle.executeUpdate(END).catch((thrown: unknown) => thrown);
    expect((update as { cause?: unknown }).cause).toMatchObject({ type: 'END_REFUSED' });
    release.resolve();
    expect(await once.result()).toMatchObject({ outcome: 'answered', answer: 'heard: hold' });
    await expect(once.end()).rejects.toMatchObject({ code: 'SESSION_ENDED' });
  });

  test('a message after it was told to end', async () => {
    const session = await converse();
    await session.send('two');
    await session.handle.signal(END);
    await session.result();
    await expect(session.send('three')).rejects.toMatchObject({ code: 'MESSAGE_REFUSED' });
  });
});
