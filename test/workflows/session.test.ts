import { afterAll, beforeAll, expect, test } from 'vitest';
import { sequence } from '../../src/model-endpoint/index.ts';
import { botConfig, type Stack, startStack, toolsModule } from '../harness/stack.ts';

const TOOLS = toolsModule(`
export const lookup_order = defineTool({
  description: 'Looks up an order.',
  input: z.object({ id: z.string() }),
  execute: ({ id }) => ({ id, status: 'shipped' }),
});
export const refund = defineTool({
  description: 'Refunds an order.',
  input: z.object({ id: z.string(), amount: z.number() }),
  execute: ({ amount }) => 'refunded ' + amount,
});`);

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({
    files: { 'tools.ts': TOOLS },
    config: botConfig({
      instructions: 'You help customers of a shop.',
      tools: {
        lookup_order: { module: './tools.ts' },
        refund: { module: './tools.ts', when: "args.amount <= 100 && principal.user.endsWith('@acme.com')" },
      },
    }),
    script: sequence([
      {
        call: [
          { tool: 'lookup_order', args: { id: '4521' } },
          { tool: 'refund', args: { id: '4521', amount: 500 } },
          { tool: 'wipe_disk', args: {} },
          { tool: 'refund', args: { id: 4521 } },
        ],
      },
      { say: 'Your order is on its way.' },
    ]),
  });
});

afterAll(() => stack.close());

test('a session runs from the model through tools and refusals to an answer', async () => {
  const session = await stack.start({ input: 'Where is order 4521?' });
  const result = await session.result();
  expect(result).toMatchObject({ outcome: 'answered', answer: 'Your order is on its way.', reason: null });

  const records = await stack.records(session.id);
  expect(records.map(({ event }) => event)).toEqual([
    'session_started',
    'llm_admitted',
    'llm_call',
    'tool_admitted',
    'tool_denied',
    'tool_denied',
    'tool_denied',
    'tool_call',
    'llm_admitted',
    'llm_call',
    'session_ended',
  ]);
  const denied = records.filter(({ event }) => event === 'tool_denied');
  expect(denied.map(({ payload }) => payload)).toMatchObject([
    { tool: 'refund', reason: 'predicate_false', asi: 'ASI02' },
    { tool: 'wipe_disk', reason: 'not_registered', asi: 'ASI03' },
    { tool: 'refund', reason: 'invalid_arguments', asi: 'ASI02' },
  ]);
});

test('what was posted is what the endpoint billed', async () => {
  const before = stack.endpoint.calls.length;
  const session = await stack.start({});
  const { budget } = await session.result();
  const billed = stack.endpoint.calls.slice(before);
  expect(budget.tokens_used).toBe(billed.reduce((sum, call) => sum + call.inputTokens + call.outputTokens, 0));
  expect(stack.endpoint.unbilled).toEqual([]);
});

test("nobody is handed another user's session by its id, and an id must be one", async () => {
  const session = await stack.start({ session: `mine-${Date.now()}` });
  await session.result();
  const asked = { agent: 'bot', input: 'Mine?', session: session.id };
  await expect(stack.aegrail.start({ ...asked, user: 'eve' })).rejects.toMatchObject({ code: 'SESSION_ID_USED' });
  for (const id of ['', ' ', 'a\nb', 'x'.repeat(1_001)]) {
    await expect(stack.aegrail.start({ ...asked, user: 'eve', session: id })).rejects.toMatchObject({
      code: 'INPUT_INVALID',
    });
  }
});

test('the same session id twice is one session', async () => {
  const session = await stack.start({ session: `twice-${Date.now()}` });
  const again = await stack.aegrail.start({ agent: 'bot', user: 'ann@acme.com', input: 'Again.', session: session.id });
  expect((await again.result()).principal).toBe((await session.result()).principal);
});
