import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SessionResult } from '../../src/protocol.ts';
import type { Script } from '../../src/model-endpoint/index.ts';
import { type Postgres, startPostgres } from '../harness/postgres.ts';
import { until } from '../fixtures/workflows/until.ts';
import { botConfig, type Stack, startStack, toolsModule } from '../harness/stack.ts';

const SESSIONS = 3;
const TURNS = 6;

/** Two tool calls at once, turn after turn: both bring records of one session, and may run on different workers. */
const script: Script = ({ index, lastUserText: name }) =>
  index < TURNS
    ? { call: ['a', 'b'].map((which) => ({ tool: 'note', args: { text: `${name} ${index} ${which}` } })) }
    : { say: `${name} is done.` };

let folder: string;
let postgres: Postgres;
/** Two workers with the same contract, task queue and store, each with a model endpoint of its own. */
let stays: Stack;
let leaves: Stack;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aegrail-two-'));
  postgres = await startPostgres();
  const notes = join(folder, 'notes');
  const tools = toolsModule(`
import { appendFileSync } from 'node:fs';
export const note = defineTool({
  description: 'Writes a line.',
  input: z.object({ text: z.string() }),
  execute: ({ text }) => { appendFileSync(${JSON.stringify(notes)}, text + '\\n'); return 'noted'; },
});`);
  const options = {
    script,
    files: { 'tools.ts': tools },
    config: botConfig({ tools: { note: { module: './tools.ts' } } }),
    store: postgres.url(),
    taskQueue: `two-${folder.slice(-6)}`,
  };
  stays = await startStack(options);
  leaves = await startStack(options);
});

afterAll(async () => {
  await stays.close();
  await postgres.dispose();
  await rm(folder, { recursive: true });
});

test('two workers run the sessions of one store side by side, and one goes on with all when the other stops', async () => {
  const names = Array.from({ length: SESSIONS }, (_, index) => `session-${index}`);
  const sessions = await Promise.all(names.map((input) => stays.start({ input })));
  const calls = (stack: Stack): number => stack.endpoint.calls.length;
  await until('calls by both workers', () => calls(stays) >= 1 && calls(leaves) >= 1);
  // Waits for the calls in flight of this worker, and for nothing else.
  await leaves.close();
  const ranThere = calls(leaves);
  expect(ranThere).toBeLessThan(SESSIONS * (TURNS + 1));

  const results = await Promise.all(sessions.map((session) => session.result()));
  expect(results.map(({ answer }) => answer)).toEqual(names.map((name) => `${name} is done.`));
  // Each model call was billed by one of the two endpoints, and each tool call ran once, on one of the two workers.
  expect(calls(stays) + ranThere).toBe(SESSIONS * (TURNS + 1));
  const billed = [...stays.endpoint.calls, ...leaves.endpoint.calls];
  expect(sum(results.map(({ budget }: SessionResult) => budget.tokens_used))).toBe(
    sum(billed.map(({ inputTokens, outputTokens }) => inputTokens + outputTokens)),
  );
  const noted = (await readFile(join(folder, 'notes'), 'utf8')).trimEnd().split('\n');
  expect(noted.toSorted()).toEqual(names.flatMap(linesOf).toSorted());
  // `close` replays each session, and compares its log in the store with the one that its history gives.
  const stored = await Array.fromAsync(stays.store.sessions({}));
  expect(stored.map(({ sessionId }) => sessionId).toSorted()).toEqual(sessions.map(({ id }) => id).toSorted());
});

function linesOf(name: string): string[] {
  return Array.from({ length: TURNS }, (_, turn) => [`${name} ${turn} a`, `${name} ${turn} b`]).flat();
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
