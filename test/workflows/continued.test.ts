import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Session } from '../../src/client.ts';
import type { ChainedRecord } from '../../src/core/record.ts';
import type { Turn } from '../../src/model-endpoint/index.ts';
import { DECIDE } from '../../src/protocol.ts';
import { fetchHistories } from '../../src/temporal/histories.ts';
import { startContinuingStack } from '../harness/continuing-stack.ts';
import { botConfig, type Stack, toolsModule } from '../harness/stack.ts';

const TOOLS = toolsModule(`
export const look = defineTool({ description: 'Looks.', input: z.object({}), execute: () => 'seen' });
export const pay = defineTool({ description: 'Pays.', input: z.object({}), execute: () => 'paid' });`);

/** Temporal asks for a new run at 4,096 events; here much earlier. */
const SUGGESTED_AT = 50;

let stack: Stack;
beforeAll(async () => {
  stack = await startContinuingStack(SUGGESTED_AT, {
    files: { 'tools.ts': TOOLS },
    script: (turn: Turn) => {
      const [what, count = '0'] = turn.lastUserText.split(' ');
      if (what === 'look' && turn.index < Number(count)) return { call: [{ tool: 'look', args: {} }] };
      if (what === 'pay' && turn.lastToolResults.length === 0) return { call: [{ tool: 'pay', args: {} }] };
      const said = turn.messages.filter(({ role }) => role === 'user').length;
      return { say: `heard ${said}: ${turn.lastUserText}` };
    },
    config: botConfig({
      tools: { look: { module: './tools.ts' }, pay: { module: './tools.ts', approval: true } },
      limits: { usd: 10, wallSeconds: 3600 },
      loops: { maxRepeats: 0 },
    }),
  });
});
afterAll(() => stack.close());

const recordsOf = (session: Session): Promise<ChainedRecord[]> => stack.records(session.id);
const handOvers = (records: readonly ChainedRecord[]): ChainedRecord[] =>
  records.filter(({ event }) => event === 'session_continued');

test('a long turn goes on in other runs, with one log and one ledger', async () => {
  const session = await stack.start({ input: 'look 20' });
  const result = await session.result();
  expect(result).toMatchObject({ outcome: 'answered', answer: 'heard 1: look 20', budget: { tool_calls: 20 } });
  const records = await recordsOf(session);
  const taken = handOvers(records);
  expect(taken.length).toBeGreaterThanOrEqual(4);
  // Each hands over to the next.
  const runs = [records[0]?.run_id, ...taken.map(({ run_id }) => run_id)];
  expect(taken.map(({ payload }) => payload)).toEqual(
    taken.map((_, index) => ({ from_run_id: runs[index], to_run_id: runs[index + 1] })),
  );
  expect(records.filter(({ event }) => event === 'session_started')).toHaveLength(1);
  expect(new Set(records.map(({ principal }) => principal)).size).toBe(1);
  // No run's history grows far above where Temporal asked for a new one.
  for (const { events } of await fetchHistories(stack.client, session.id))
    expect(events?.length).toBeLessThan(SUGGESTED_AT + 40);
});

test('an update that decided in an earlier run, and comes again, gets the same answer and is no second record', async () => {
  const session = await stack.start({ input: 'pay', conversation: true });
  const waiting = async () => (await session.view().catch(() => null))?.approvals[0];
  await expect.poll(waiting).toBeDefined();
  const { request = '', digest = '' } = (await waiting()) ?? {};
  const args: [unknown] = [{ request, digest, decision: 'approve', by: 'bob' }];
  const answer = await session.handle.executeUpdate(DECIDE, { args, updateId: 'once' });
  for (let index = 0; index < 8; index++) await session.send(`m${index}`);
  expect(handOvers(await recordsOf(session)).length).toBeGreaterThanOrEqual(1);
  expect(await session.handle.executeUpdate(DECIDE, { args, updateId: 'once' })).toEqual(answer);
  await expect(session.handle.executeUpdate(DECIDE, { args })).rejects.toThrow();
  await session.end();
  await session.result();
  expect((await recordsOf(session)).filter(({ event }) => event === 'approval_decided')).toHaveLength(1);
});

test('a session that was continued can be cancelled, and can be reset', async () => {
  const session = await stack.start({ input: 'hello', conversation: true });
  for (let index = 0; index < 8; index++) await session.send(`m${index}`);
  const spent = (await session.view()).budget.usd_used;
  await session.cancel();
  expect(await session.result()).toMatchObject({ outcome: 'cancelled' });
  const { events } = await session.handle.fetchHistory();
  const task = events?.find(({ workflowTaskCompletedEventAttributes: completed }) => completed);
  await stack.client.workflowService.resetWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId: session.id },
    reason: 'go on',
    workflowTaskFinishEventId: task?.eventId ?? null,
    requestId: crypto.randomUUID(),
  });
  expect(await session.send('again')).toMatchObject({ outcome: 'answered' });
  expect((await session.view()).budget.usd_used).toBeGreaterThan(spent);
  await session.end();
  await session.result();
});

test('nobody starts a session with a state of their own', async () => {
  const handle = await stack.client.workflow.start('agentSession', {
    taskQueue: stack.taskQueue,
    workflowId: `carry-${crypto.randomUUID()}`,
    args: [
      { agent: 'bot', user: 'ann', input: 'hello' },
      { talk: {}, inbox: {} },
    ],
  });
  await expect(handle.result()).rejects.toMatchObject({ cause: { type: 'INPUT_INVALID' } });
});
