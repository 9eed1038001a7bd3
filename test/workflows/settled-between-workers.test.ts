import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { temporal } from '@temporalio/proto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Aegrail } from '../../src/client.ts';
import { payloads } from '../fixtures/workflows/payloads.ts';
import { checkSession } from '../harness/check-session.ts';
import { startSecondWorker } from '../fixtures/workflows/second-worker.ts';
import { until } from '../fixtures/workflows/until.ts';
import { botConfig, type Stack, startStack, toolsModule } from '../harness/stack.ts';

type HistoryEvent = temporal.api.history.v1.IHistoryEvent;

const TOOLS = toolsModule(`
import { existsSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
export const look = defineTool({
  description: 'Looks until it is told that it has seen.',
  input: z.object({ at: z.string() }),
  execute: async ({ at }) => {
    while (!existsSync(new URL(at, import.meta.url))) await setTimeout(20);
    return 'seen';
  },
});
export const pay = defineTool({ description: 'Pays.', input: z.object({}), execute: () => 'paid' });`);

const CONFIG = botConfig({
  tools: { look: { module: './tools.ts' }, pay: { module: './tools.ts', approval: true } },
  limits: { usd: 1, wallSeconds: 600 },
});

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({
    files: { 'tools.ts': TOOLS },
    config: CONFIG,
    script: ({ lastToolResults }) =>
      lastToolResults.length === 0
        ? {
            call: [
              { tool: 'look', args: { at: './sea' } },
              { tool: 'look', args: { at: './shore' } },
              { tool: 'pay', args: {} },
            ],
          }
        : { say: 'Done.' },
  });
});
afterAll(() => stack.close());

test('a call that ends while another waits for a person is recorded at its moment, whichever worker hears of the decision', async () => {
  const taskQueue = `${stack.taskQueue}-workers`;
  const startWorker = () => startSecondWorker(stack, CONFIG, { taskQueue, storeFile: 'store.db' });
  const first = await startWorker();
  const session = await new Aegrail(stack.client, { taskQueue }).start({
    agent: 'bot',
    user: 'ann@acme.com',
    input: 'go',
  });
  const { request, digest } = await until(
    'the question',
    async () => payloads(await stack.records(session.id), 'approval_requested')[0],
  );
  for (const [open, place] of [
    [1, 'sea'],
    [0, 'shore'],
  ] as const) {
    await writeFile(join(stack.dir, place), '');
    await until(`the end of the call for the ${place}`, async () =>
      isTakenIn((await session.handle.fetchHistory()).events ?? [], open),
    );
  }
  await first.stop();
  const second = await startWorker();
  await session.decide({ request, digest, decision: 'approve', by: 'bob@acme.com' });
  expect(await session.result()).toMatchObject({ outcome: 'answered' });
  await second.stop();
  await checkSession(stack.client, session.id, await stack.records(session.id));
});

/** Whether so many activities of a session are still to end, and a workflow task has taken in all that have. */
function isTakenIn(events: readonly HistoryEvent[], open: number): boolean {
  const begun = events.filter((event) => event.activityTaskScheduledEventAttributes).length;
  const ended = events.filter((event) => event.activityTaskCompletedEventAttributes).length;
  const last = events.findLastIndex((event) => event.workflowTaskCompletedEventAttributes);
  const news = events
    .slice(last)
    .some((event) => event.activityTaskCompletedEventAttributes ?? event.workflowTaskScheduledEventAttributes);
  return begun - ended === open && !news;
}
