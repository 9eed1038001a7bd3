import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Session } from '../../src/client.ts';
import type { ChainedRecord } from '../../src/core/record.ts';
import type { ScriptedCall, Turn } from '../../src/model-endpoint/index.ts';
import type { WaitingApproval } from '../../src/protocol.ts';
import { until } from '../fixtures/workflows/until.ts';
import { botConfig, type Stack, startStack, toolsModule } from '../harness/stack.ts';

const TOOLS = toolsModule(`
const anything = z.object({ at: z.number().optional() });
export const look = defineTool({ description: 'Looks.', input: anything, execute: () => 'seen' });
export const list = defineTool({ description: 'Lists.', input: anything, execute: () => 'listed' });
export const flaky = defineTool({
  description: 'Fails, and may be tried again.',
  input: anything,
  execute() {
    throw Object.assign(new Error('away'), { retryable: true });
  },
});`);

/** What the model asks for in its n-th answer, by its first message. It goes on until it is told that it loops. */
const SCRIPTS: Readonly<Record<string, (index: number) => readonly ScriptedCall[]>> = {
  again: () => [{ tool: 'look', args: {} }],
  'in turn': (index) => [{ tool: index % 2 === 0 ? 'look' : 'list', args: {} }],
  unknown: () => [{ tool: 'wipe', args: {} }],
  'at once': () => Array.from({ length: 6 }, () => ({ tool: 'look', args: {} })),
  onwards: (index) => (index < 9 ? [{ tool: 'look', args: { at: index } }] : []),
};

let stack: Stack;
beforeAll(async () => {
  const look = { module: './tools.ts' };
  const bot = botConfig({ tools: { look, list: look, flaky: { ...look, idempotent: true } } });
  const limits = { usd: 1, wallSeconds: 600, maxToolCalls: 8 };
  const patient = { ...bot.agents['bot']!, limits, loops: { maxRepeats: 0 } };
  const strict = {
    ...patient,
    loops: { maxRepeats: 1 },
    tools: { ...patient.tools, look: { ...look, approval: true } },
  };
  const asks = { ...patient, loops: { maxRepeats: 2, onRepeat: 'ask' as const } };
  stack = await startStack({
    files: { 'tools.ts': TOOLS },
    config: { ...bot, agents: { ...bot.agents, patient, strict: strict as typeof patient, asks } },
    script: ({ messages, lastUserText, lastToolResults, index }: Turn) => {
      if (lastUserText === 'once each' || lastUserText.startsWith('flaky')) {
        const tool = lastUserText === 'once each' ? 'look' : 'flaky';
        return lastToolResults.length === 0 ? { call: [{ tool, args: {} }] } : { say: 'Done.' };
      }
      if (lastToolResults.some(({ text }) => text.includes('loop_detected'))) return { say: 'I see, I loop.' };
      const first = messages.find(({ role }) => role === 'user')?.text ?? '';
      const call = SCRIPTS[first]?.(index) ?? [];
      return call.length === 0 ? { say: 'Done.' } : { call };
    },
  });
});
afterAll(() => stack.close());

/** Ends of tool calls, in the order of the log: what ran, or why not. */
function ends(records: readonly ChainedRecord[]): string[] {
  return records.flatMap((record) => {
    if (record.event === 'tool_call') return [`${record.payload.tool} ${record.payload.outcome}`];
    return record.event === 'tool_denied' ? [`${record.payload.tool} ${record.payload.reason}`] : [];
  });
}

async function endsOf(input: string, agent = 'bot'): Promise<string[]> {
  const session = await stack.start({ input, agent });
  await session.result();
  return ends(await stack.records(session.id));
}

const times = (count: number, what: string): string[] => Array.from({ length: count }, () => what);

test('the same call is refused after five times, and the model is told', async () => {
  const session = await stack.start({ input: 'again' });
  expect(await session.result()).toMatchObject({ outcome: 'answered', answer: 'I see, I loop.' });
  const records = await stack.records(session.id);
  expect(ends(records)).toEqual([...times(5, 'look ok'), 'look loop_detected']);
  expect(records.find(({ event }) => event === 'tool_denied')?.payload).toMatchObject({
    asi: 'ASI08',
    why: 'look was called with the same arguments before, and may be 5 times. Do something else, or answer with what you have.',
  });
});

test('two calls in turn are refused after three rounds', async () => {
  const round = ['look ok', 'list ok'];
  expect(await endsOf('in turn')).toEqual([...round, ...round, ...round, 'look loop_detected']);
});

test('a denied call counts too', async () => {
  expect(await endsOf('unknown')).toEqual([...times(5, 'wipe not_registered'), 'wipe loop_detected']);
});

test('of six calls in one answer the sixth is refused, and none of those in flight is harmed', async () => {
  expect((await endsOf('at once')).toSorted()).toEqual(['look loop_detected', ...times(5, 'look ok')]);
});

test('other arguments are another call', async () => {
  expect(await endsOf('onwards')).toEqual(times(9, 'look ok'));
});

test('with 0 it is off: the budget ends it', async () => {
  expect(await endsOf('again', 'patient')).toEqual(times(8, 'look ok'));
});

test('a further try of the guard, and what a person approved, is no other call', async () => {
  expect(await endsOf('flaky', 'strict')).toEqual(times(3, 'flaky error'));
  const session = await stack.start({ input: 'once each', agent: 'strict' });
  const { request, digest } = await until(
    'a request',
    async () => (await session.view().catch(() => null))?.approvals[0],
  );
  await session.decide({ request, digest, decision: 'approve', by: 'bob@acme.com' });
  await session.result();
  expect(ends(await stack.records(session.id))).toEqual(['look ok']);
});

test('what is asked for again in every turn of a conversation is no loop', async () => {
  const session = await stack.start({ input: 'once each', conversation: true });
  for (let turn = 0; turn < 6; turn++) expect(await session.send('once each')).toMatchObject({ outcome: 'answered' });
  await session.end();
  await session.result();
  expect(ends(await stack.records(session.id))).toEqual(times(7, 'look ok'));
});

test.each([
  // The run that is reset asks for a call anew, or has to go into the calls of an answer once more.
  ['after its third call', 'completed'],
  ['as its fourth call is begun', 'scheduled'],
] as const)('a session that is reset %s forgets none of the calls before, and counts none twice', async (_when, at) => {
  const session = await stack.start({ input: 'again' });
  await session.result();
  await resetAt(session, at);
  expect(await session.result()).toMatchObject({ outcome: 'answered', answer: 'I see, I loop.' });
  const records = await stack.records(session.id);
  const again = records.slice(records.findIndex(({ event }) => event === 'session_reset'));
  // Of the five that it may make, three were before the point that it was reset to.
  expect(ends(again)).toEqual([...times(2, 'look ok'), 'look loop_detected']);
});

/** Resets a session to the workflow task that follows its third tool call, or the one that begins its fourth. */
async function resetAt(session: Session, at: 'completed' | 'scheduled'): Promise<void> {
  const { events } = await session.handle.fetchHistory();
  const all = events ?? [];
  const tools = all.filter((one) => one.activityTaskScheduledEventAttributes?.activityType?.name === 'callTool');
  const isThird = (id: unknown): boolean => String(id) === String(tools[2]?.eventId);
  const ended = all.findIndex((one) => isThird(one.activityTaskCompletedEventAttributes?.scheduledEventId));
  const begun = all.indexOf(tools[3]!);
  const task =
    at === 'completed'
      ? all.find((one, index) => index > ended && one.workflowTaskCompletedEventAttributes)
      : all.findLast((one, index) => index < begun && one.workflowTaskCompletedEventAttributes);
  await stack.client.workflowService.resetWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId: session.id },
    reason: 'an operator tries again',
    workflowTaskFinishEventId: task?.eventId ?? null,
    requestId: randomUUID(),
  });
}

test('where people are asked, they decide whether a call that loops may run', async () => {
  const session = await stack.start({ agent: 'asks', input: 'again' });
  const asked = async (): Promise<WaitingApproval | undefined> =>
    (await session.view().catch(() => null))?.approvals[0];
  const first = await until('the third call', asked);
  expect(first).toMatchObject({ tool: 'look', why: expect.stringMatching(/may be 2 times/) as string });
  const { request, digest } = first;
  await session.decide({ request, digest, decision: 'approve', by: 'boss@acme.com' });
  const second = await until('the fourth call', async () => {
    const now = await asked();
    return now?.request === request ? undefined : now;
  });
  await session.decide({ request: second.request, digest: second.digest, decision: 'deny', by: 'boss@acme.com' });
  const records = await until('the denial in the log', async () => {
    const all = await stack.records(session.id);
    return all.some(({ event }) => event === 'tool_denied') ? all : null;
  });
  await session.cancel();
  await session.result();
  expect(ends(records).slice(0, 4)).toEqual([...times(3, 'look ok'), 'look approval_denied']);
});
