import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { Aegrail } from '../../src/client.ts';
import { SEND } from '../../src/protocol.ts';
import { until } from '../fixtures/workflows/until.ts';
import { checkSession } from '../harness/check-session.ts';
import { botConfig, type Stack, type StackOptions, startStack } from '../harness/stack.ts';

let folder: string;
let connection: Connection;
let options: StackOptions;
/** Two workers with one store and one task queue, one after the other. */
let leaves: Stack;
let stays: Stack | null = null;
let isCalled = false;
let failNow: () => void = () => {};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aegrail-late-'));
  const told = new Promise<void>((resolve) => (failNow = resolve));
  options = {
    script: async () => {
      isCalled = true;
      await told;
      return { fail: { status: 400 } };
    },
    config: botConfig({}),
    store: `sqlite:${join(folder, 'store.db')}`,
    taskQueue: `late-${folder.slice(-6)}`,
  };
  leaves = await startStack(options);
  connection = await Connection.connect({ address: inject('address') });
});
afterAll(async () => {
  await stays?.close();
  await connection.close();
  await rm(folder, { recursive: true });
});

test('what is said in the very task in which the session ends is refused, and leaves no record after its end', async () => {
  const client = new Client({ connection });
  const aegrail = new Aegrail(client, { taskQueue: leaves.taskQueue });
  const session = await aegrail.start({ agent: 'bot', user: 'ann@acme.com', input: 'one', conversation: true });
  await until('the model is called', () => isCalled);
  // The call comes to its end on this worker, which takes no workflow tasks any more.
  const left = leaves.close();
  const said = session.handle
    .executeUpdate(SEND, { args: [{ id: 'two', text: 'two' }] })
    .catch((thrown: unknown) => (thrown as { cause?: Error }).cause?.message);
  failNow();
  const failed = await until('the end of the call', async () => {
    const { events } = await session.handle.fetchHistory();
    return events?.some(({ activityTaskFailedEventAttributes: ended }) => ended);
  });
  expect(failed).toBe(true);
  await left;
  stays = await startStack(options);
  await expect(session.result()).rejects.toThrow(/The model failed/);
  expect(await said).toMatch(/The session has ended/);
  const log = await stays.records(session.id);
  expect(log.map(({ event }) => event)).not.toContain('message_received');
  await checkSession(client, session.id, log);
}, 40_000);
