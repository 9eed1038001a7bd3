import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ContractFileInput } from '../../src/config/schema.ts';
import type { Step, Turn } from '../../src/model-endpoint/index.ts';
import { botConfig, type Stack, startStack } from '../harness/stack.ts';
import { aegrailProcess, type End } from './kit.ts';

/** The agent asks its helper whatever it is asked. `other` calls nobody, and its tools do not load. */
function config(usd: number, rest: object = {}): ContractFileInput {
  const model = 'openai/gpt-5.4-mini';
  const { agents } = botConfig({
    limits: { usd: 1, wallSeconds: 600, maxRecursionDepth: 1 },
    agents: { ask: { agent: 'helper' } },
  });
  const helper = { model, limits: { usd, wallSeconds: 600 }, budget: { softLimit: 0 } };
  return { agents: { bot: agents['bot'], helper, ...rest } } as ContractFileInput;
}

function script({ lastToolResults, lastUserText, tools }: Turn): Step {
  if (lastToolResults.length > 0) return { say: `heard ${lastToolResults.map(({ text }) => text).join()}` };
  return tools.length > 0 ? { call: [{ tool: 'ask', args: { task: lastUserText } }] } : { say: 'as the helper' };
}

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ config: config(0.2), script });
  const other = { model: 'openai/gpt-5.4-mini', limits: { tokens: 1 }, tools: { x: { module: './nowhere.ts' } } };
  const changed = { ...config(0.1, { other }), store: 'sqlite:store.db', taskQueue: stack.taskQueue };
  writeFileSync(join(stack.dir, 'changed.json'), JSON.stringify(changed));
});
afterAll(() => stack.close());

const run = (...args: string[]): Promise<End> =>
  aegrailProcess(args, { cwd: stack.dir, env: { OPENAI_BASE_URL: stack.endpoint.openaiBaseUrl } });

test('a session of an agent that calls others is moved, and calls them under the new file', async () => {
  const session = await stack.start({ conversation: true });
  await session.firstReply();
  const moved = await run('migrate', session.id, '--config', 'changed.json', '--by', 'boss@acme.com');
  expect(moved).toMatchObject({ code: 0, err: '' });
  expect(await session.send('Again.')).toMatchObject({ outcome: 'answered', answer: 'heard as the helper' });
  await session.end();
  await session.result();
  const given = (await stack.records(session.id)).flatMap(({ event, payload }) =>
    event === 'tool_admitted' && payload.agent ? [payload.agent.limits.usd] : [],
  );
  expect(given).toEqual([0.2, 0.1]);
});

test('a session of an agent that calls others is replayed under the rules of a file', async () => {
  const session = await stack.start({});
  await session.result();
  const replayed = await run('audit', 'replay', session.id, '--with-policy', 'changed.json');
  expect(replayed).toMatchObject({ code: 0 });
  expect(replayed.out).toMatch(/^as it was: answered.*would have been: answered/);
});
