import { afterAll, beforeAll, expect, test } from 'vitest';
import { WorkflowFailedError } from '@temporalio/client';
import { sequence } from '../../src/model-endpoint/index.ts';
import { botConfig, type Stack, startStack, toolsModule } from '../harness/stack.ts';

const TOOLS = toolsModule(`
export const look = defineTool({ description: 'Looks.', input: z.object({}), execute: () => 'seen' });`);

let stack: Stack;
beforeAll(async () => {
  const script = sequence([
    { call: [{ tool: 'look', args: {} }] },
    { call: [{ tool: 'look', args: {} }] },
    { say: 'Done.' },
  ]);
  stack = await startStack({
    files: { 'tools.ts': TOOLS },
    script,
    config: botConfig({ tools: { look: { module: './tools.ts' } } }),
  });
});
afterAll(() => stack.close());

test('a session that was reset ends with AUDIT_FORK: it does not spend the same budget twice', async () => {
  const session = await stack.aegrail.start({
    agent: 'bot',
    user: 'ann',
    input: 'Go.',
    session: `reset-${Date.now()}`,
  });
  await session.result();
  const before = await stack.records(session.id);
  const billed = stack.endpoint.calls.length;

  const { events = [] } = await session.handle.fetchHistory();
  const secondTask = events?.filter(({ workflowTaskCompletedEventAttributes: task }) => task)[1];
  const { runId } = await stack.client.workflowService.resetWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId: session.id },
    reason: 'an operator tries again',
    workflowTaskFinishEventId: secondTask?.eventId ?? null,
    requestId: session.id,
  });

  const reset = stack.client.workflow.getHandle(session.id, runId ?? '');
  const failed = await reset.result().then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(failed).toBeInstanceOf(WorkflowFailedError);
  expect((failed as WorkflowFailedError).cause).toMatchObject({ type: 'AUDIT_FORK' });
  expect(stack.endpoint.calls).toHaveLength(billed);
  expect(await stack.records(session.id)).toEqual(before);
});
