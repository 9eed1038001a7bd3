import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Turn } from '../../src/model-endpoint/index.ts';
import { reset } from '../fixtures/workflows/reset.ts';
import { until } from '../fixtures/workflows/until.ts';
import { type Stack, startStack, toolsModule } from '../harness/stack.ts';

const TOOLS = toolsModule(`
export const look = defineTool({ description: 'Looks.', input: z.object({}), execute: () => 'seen' });
export const hang = defineTool({
  description: 'Listens to its signal.',
  input: z.object({}),
  execute: (_, { signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
});`);

let stack: Stack;
beforeAll(async () => {
  const quiet = { model: 'openai/gpt-5.4-mini', budget: { softLimit: 0 }, loops: { maxRepeats: 0 } };
  const tools = { look: { module: './tools.ts' }, hang: { module: './tools.ts' } };
  stack = await startStack({
    files: { 'tools.ts': TOOLS },
    script: ({ lastUserText, index }: Turn) => {
      if (lastUserText === 'hang') return { call: [{ tool: index === 0 ? 'look' : 'hang', args: {} }] };
      if (index > 0) return { say: 'Done.' };
      return { call: ['hang', 'hang'].map((task) => ({ tool: 'helper', args: { task } })) };
    },
    config: {
      agents: {
        bot: {
          ...quiet,
          limits: { usd: 1, wallSeconds: 600, maxRecursionDepth: 1 },
          tools,
          agents: { helper: { limits: { usd: 0.2, maxToolCalls: 5 } } },
        },
        helper: { ...quiet, limits: { usd: 0.3, wallSeconds: 300 }, tools },
      },
    },
  });
});
afterAll(() => stack.close());

test.each([
  ['before it was opened', 0],
  ['after that', 1],
])('one that was terminated, settled, and reset to %s gets an end, and nothing else', async (_when, task) => {
  const session = await stack.start({ input: 'go' });
  const [first] = await until('its agents', async () => {
    const found = (await stack.records(session.id)).flatMap((record) =>
      record.event === 'tool_admitted' && record.payload.agent ? [record.payload.agent.session_id] : [],
    );
    return found.length === 2 ? found : null;
  });
  const child = stack.aegrail.session(first ?? '');
  const count = async (event: string): Promise<number> =>
    (await stack.records(child.id)).filter((record) => record.event === event).length;
  await until('its second call', async () => (await count('tool_admitted')) === 2 || null);
  await child.handle.terminate('an operator did');
  const settled = await until('its end in the log of its parent', async () =>
    (await stack.records(session.id)).find(({ event }) => event === 'tool_call'),
  );
  const calls = await count('llm_admitted');
  await reset(stack.client, child, task);
  expect(await child.result()).toMatchObject({ outcome: 'cancelled' });
  const records = await stack.records(child.id);
  expect(records.at(-1)).toMatchObject({ event: 'session_ended', payload: { outcome: 'cancelled' } });
  expect(await count('llm_admitted')).toBe(calls);
  // What its parent has posted is what it comes to with its end, and the call.
  expect(settled.payload).toMatchObject({
    agent: { outcome: 'terminated', calls: { look: 1, hang: 1 } },
    posted: { tokens: records.at(-1)?.budget.tokens_used, tool_calls: 3 },
  });
  await session.cancel();
  expect(await session.result()).toMatchObject({ outcome: 'cancelled' });
});
