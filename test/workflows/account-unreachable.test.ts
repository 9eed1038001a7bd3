import { afterAll, beforeAll, describe, type ExpectStatic, test } from 'vitest';
import { Aegrail, type Session } from '../../src/client.ts';
import type { Turn } from '../../src/model-endpoint/index.ts';
import { aegrail } from '../cli/kit.ts';
import { startSecondWorker } from '../fixtures/workflows/second-worker.ts';
import { botConfig, type Stack, startStack, toolsModule } from '../harness/stack.ts';

const TOOLS = toolsModule(`
export const look = defineTool({ description: 'Looks.', input: z.object({}), execute: () => 'seen' });`);
const CONFIG = botConfig({
  tools: { look: { module: './tools.ts' } },
  limits: { usd: 1, maxToolCalls: 8 },
  loops: { maxRepeats: 0 },
});

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({
    files: { 'tools.ts': TOOLS },
    script: ({ lastUserText, lastToolResults }: Turn) => {
      const isDone = lastUserText !== 'look' || lastToolResults.length > 0;
      return isDone ? { say: 'Done.' } : { call: Array.from({ length: 5 }, () => ({ tool: 'look', args: {} })) };
    },
    config: CONFIG,
  });
});
afterAll(() => stack.close());

/** A worker for the accounts of a task queue, and of nothing else: sessions are on the stack's own. */
const workerOn = (taskQueue: string) => startSecondWorker(stack, CONFIG, { taskQueue, storeFile: `${taskQueue}.db` });

/** What activities of a session failed with because its account did not answer. An account is waited for 20 s. */
const unreachable = async ({ handle }: Session): Promise<(string | null | undefined)[]> => {
  const { events } = await handle.fetchHistory();
  const failed = events?.flatMap(({ activityTaskFailedEventAttributes: found }) => (found ? [found] : [])) ?? [];
  const of = failed.filter(({ failure }) => failure?.applicationFailureInfo?.type === 'ACCOUNT_UNREACHABLE');
  return of.map(({ failure }) => failure?.message);
};
const untilUnreachable = (expect: ExpectStatic, session: Session, account: string) =>
  expect
    .poll(async () => (await unreachable(session))[0], { timeout: 40_000, interval: 250 })
    .toBe(`The account ${account} did not answer: no worker of its task queue answered in 20 s`);

describe.concurrent('an account that does not answer, for want of a worker of its own', () => {
  test('lets no session begin on it, until it answers', async ({ expect }) => {
    const taskQueue = `${stack.taskQueue}-first`;
    const account = `tenant/${taskQueue}`;
    const { accounts } = new Aegrail(stack.client, { taskQueue });
    const first = await workerOn(taskQueue);
    await accounts.set(account, { toolCalls: 100, per: 'total', by: 'boss' });
    await first.stop();
    const session = await stack.start({ input: 'hello', account });
    await untilUnreachable(expect, session, account);
    expect(await stack.records(session.id)).toEqual([]);
    await expect(session.view()).rejects.toMatchObject({ code: 'SESSION_OPENING' });
    const second = await workerOn(taskQueue);
    expect(await session.result()).toMatchObject({ outcome: 'answered' });
    expect((await stack.records(session.id)).filter(({ event }) => event === 'account_leased')).toHaveLength(1);
    await second.stop();
  }, 90_000);

  test('holds up a session that needs more of it, and loses nothing', async ({ expect }) => {
    const taskQueue = `${stack.taskQueue}-more`;
    const account = `tenant/${taskQueue}`;
    const first = await workerOn(taskQueue);
    const { accounts } = new Aegrail(stack.client, { taskQueue });
    await accounts.set(account, { toolCalls: 100, per: 'total', by: 'boss' });
    const session = await stack.start({ input: 'hello', account, conversation: true });
    await session.firstReply();
    await first.stop();
    const reply = session.send('look');
    await untilUnreachable(expect, session, account);
    const called = (await stack.records(session.id)).filter(({ event }) => event === 'tool_admitted');
    expect(called.length).toBeLessThan(5);
    const second = await workerOn(taskQueue);
    expect(await reply).toMatchObject({ outcome: 'answered', budget: { tool_calls: 5 } });
    await session.end();
    await session.result();
    await expect.poll(async () => (await accounts.show(account)).posted.toolCalls).toBe(5);
    await second.stop();
  }, 90_000);

  test('is told from a session that no worker answers for', async ({ expect }) => {
    const nobody = new Aegrail(stack.client, { taskQueue: `${stack.taskQueue}-nobody` });
    const session = await nobody.start({ agent: 'bot', user: 'ann@acme.com', input: 'hello' });
    await expect(session.view()).rejects.toMatchObject({ code: 'SESSION_SILENT' });
    const approve = ['approve', session.id, 'apr_1', '--by', 'bob@acme.com'];
    expect(await aegrail(approve, { cwd: stack.dir })).toMatchObject({
      code: 3,
      out: '',
      err: expect.stringMatching(/No worker answered for the session .* Start one with `aegrail worker`/) as string,
    });
    await session.handle.terminate();
  });
});
