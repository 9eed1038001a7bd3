import { randomUUID } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import type { Session } from '../../src/client.ts';
import type { ChainedRecord } from '../../src/core/record.ts';
import { type DevServer, startDevServer } from '../../src/devserver/server.ts';
import type { Turn } from '../../src/model-endpoint/index.ts';
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

const DEPLOYMENT = `bots-${randomUUID()}`;
let folder: string;
let server: DevServer;
/** Two builds of the same deployment, side by side, each with a model endpoint and tools of its own. */
let one: Stack;
let two: Stack;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aegrail-deploys-'));
  server = await startDevServer({ binary: inject('temporalBinary') });
  one = await build('one');
  await makeCurrent('one');
});
afterAll(async () => {
  await two.close();
  await one.close();
  await server.stop();
  await rm(folder, { recursive: true });
});

function build(buildId: string): Promise<Stack> {
  return startStack({
    address: server.address,
    files: { 'tools.ts': TOOLS },
    script: (turn: Turn) => {
      const [what, name] = turn.lastUserText.split(' ');
      if (what === 'wait' && turn.lastToolResults.length === 0) return { call: [{ tool: 'wait', args: { name } }] };
      return { say: `${buildId}: ${turn.lastUserText}` };
    },
    config: botConfig({ tools: { wait: { module: './tools.ts' } } }),
    store: `sqlite:${join(folder, 'store.db')}`,
    taskQueue: `deploys-${folder.slice(-6)}`,
    env: { TEMPORAL_DEPLOYMENT_NAME: DEPLOYMENT, TEMPORAL_WORKER_BUILD_ID: buildId },
  });
}

/** As `temporal worker deployment set-current-version` does, as soon as the server knows that build's worker. */
function makeCurrent(buildId: string): Promise<true> {
  const request = { namespace: 'default', deploymentName: DEPLOYMENT, buildId, identity: 'test' };
  return until(`${buildId} is current`, async () => {
    const set = one.client.workflowService.setWorkerDeploymentCurrentVersion(request);
    return set.then(
      () => true as const,
      () => null,
    );
  });
}

const handOvers = (records: readonly ChainedRecord[]): number =>
  records.filter(({ event }) => event === 'session_continued').length;
const answer = async (session: Session, text: string): Promise<string | null> => (await session.send(text)).answer;

test('a session stays with its version until a step has ended, and then goes on with the one that is current', async () => {
  const [busy, idle] = [
    await one.start({ input: 'hello', conversation: true }),
    await one.start({ input: 'hello', conversation: true }),
  ];
  expect(await answer(busy, 'you')).toBe('one: you');
  expect(await answer(idle, 'you')).toBe('one: you');
  const reply = busy.send('wait x');
  await until('the tool runs', () => existsSync(join(one.dir, 'x.started')));
  two = await build('two');
  await makeCurrent('two');
  // What is in flight is that of the version that began it, and what is new that of the current one.
  const fresh = await one.start({ input: 'hello', conversation: true });
  expect(await answer(fresh, 'you')).toBe('two: you');
  expect(existsSync(join(two.dir, 'x.started'))).toBe(false);
  writeFileSync(join(one.dir, 'x.go'), '');
  expect((await reply).answer).toBe('two: wait x');
  // One that waited for what is said next moves when it wakes.
  expect(handOvers(await one.records(idle.id))).toBe(0);
  expect(await answer(idle, 'again')).toBe('two: again');
  expect(await answer(idle, 'and again')).toBe('two: and again');
  for (const session of [busy, idle, fresh]) await session.end();
  for (const session of [busy, idle, fresh]) expect(await session.result()).toMatchObject({ outcome: 'answered' });
  const moved = await Promise.all([busy, idle, fresh].map(async ({ id }) => handOvers(await one.records(id))));
  expect(moved).toEqual([1, 1, 0]);
}, 60_000);
