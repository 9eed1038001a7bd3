import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ScriptedCall, Turn } from '../../src/model-endpoint/index.ts';
import { botConfig, type Stack, startStack, toolsModule } from '../harness/stack.ts';

const TOOLS = toolsModule(`
const none = z.object({});
export const refund = defineTool({ description: 'Pays back.', input: z.object({ order: z.number() }), execute: () => 'paid' });
export const read_secret = defineTool({ description: 'Reads.', input: none, execute: () => 'secret' });
export const send_email = defineTool({ description: 'Sends.', input: none, execute: () => 'sent' });
export const slow = defineTool({ description: 'Takes its time.', input: none, execute: () => new Promise((done) => setTimeout(done, 200, 'done')) });`);

const CALLS: Readonly<Record<string, readonly (readonly ScriptedCall[])[]>> = {
  'four at once': [[1, 2, 3, 4].map((order) => ({ tool: 'refund', args: { order } }))],
  'one by one': [1, 2, 3, 4].map((order) => [{ tool: 'refund', args: { order } }]),
  'email, then the secret': [[{ tool: 'send_email', args: {} }], [{ tool: 'read_secret', args: {} }]],
  'the secret, then email': [[{ tool: 'read_secret', args: {} }], [{ tool: 'send_email', args: {} }]],
  'both at once': [
    [
      { tool: 'read_secret', args: {} },
      { tool: 'send_email', args: {} },
    ],
  ],
  'both slow': [
    [
      { tool: 'slow', args: {} },
      { tool: 'slow', args: {} },
    ],
  ],
};

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({
    files: { 'tools.ts': TOOLS },
    script: (turn: Turn) => {
      const call = CALLS[turn.messages[0]?.text ?? '']?.[turn.index];
      return call ? { call } : { say: 'Done.' };
    },
    config: botConfig({
      tools: {
        refund: { module: './tools.ts', when: 'session.calls("refund").count < 3' },
        read_secret: { module: './tools.ts' },
        send_email: { module: './tools.ts', when: 'session.calls("read_secret").count == 0' },
        slow: { module: './tools.ts', when: 'session.calls("slow").in_flight == 0' },
      },
    }),
  });
});
afterAll(() => stack.close());

test.each<[string, readonly string[], readonly string[]]>([
  ['four at once', ['refund', 'refund', 'refund'], ['refund']],
  ['one by one', ['refund', 'refund', 'refund'], ['refund']],
  ['email, then the secret', ['send_email', 'read_secret'], []],
  ['the secret, then email', ['read_secret'], ['send_email']],
  ['both at once', ['read_secret'], ['send_email']],
  ['both slow', ['slow'], ['slow']],
])('a rule over what was called, and is in flight: %s', async (input, ran, denied) => {
  const session = await stack.start({ input });
  expect(await session.result()).toMatchObject({ outcome: 'answered' });
  const records = await stack.records(session.id);
  const tools = (event: 'tool_admitted' | 'tool_denied'): string[] =>
    records.flatMap((record) => (record.event === event ? [record.payload.tool] : []));
  expect(tools('tool_admitted')).toEqual(ran);
  expect(tools('tool_denied')).toEqual(denied);
});
