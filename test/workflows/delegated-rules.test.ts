import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Step, Turn } from '../../src/model-endpoint/index.ts';
import { type Stack, startStack, toolsModule } from '../harness/stack.ts';

const TOOLS = toolsModule(`
const none = z.object({});
export const refund = defineTool({ description: 'Pays back.', input: none, execute: () => 'paid' });
export const read_secret = defineTool({ description: 'Reads.', input: none, execute: () => 'secret' });
export const send_email = defineTool({ description: 'Sends.', input: none, execute: () => 'sent' });
export const look = defineTool({ description: 'Looks.', input: none, execute: () => 'seen' });
export const pay = defineTool({ description: 'Pays.', input: none, execute: () => 'paid' });`);

/** "refund & refund; helper(refund; refund)": calls of one answer stand side by side, `;` is the next answer. */
function script({ messages, index }: Turn): Step {
  const orders = split(messages[0]?.text ?? '', ';')[index];
  if (orders === undefined) return { say: 'Done.' };
  const call = split(orders, '&').map((order) => {
    const [, tool = '', task] = /^(\w+)(?:\((.*)\))?$/s.exec(order) ?? [];
    return { tool, args: task === undefined ? {} : { task } };
  });
  return { call };
}

/** Splits where no bracket is open. */
function split(text: string, at: string): string[] {
  const parts = [''];
  let depth = 0;
  for (const letter of text) {
    depth += Number(letter === '(') - Number(letter === ')');
    if (letter === at && depth === 0) parts.push('');
    else parts[parts.length - 1] += letter;
  }
  return parts.map((part) => part.trim());
}

const quiet = { model: 'openai/gpt-5.4-mini', budget: { softLimit: 0 }, loops: { maxRepeats: 0 } };
const module = './tools.ts';
const free = { refund: { module }, read_secret: { module }, send_email: { module }, look: { module }, pay: { module } };

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({
    files: { 'tools.ts': TOOLS },
    script,
    config: {
      agents: {
        bot: {
          ...quiet,
          limits: { usd: 1, wallSeconds: 600, maxRecursionDepth: 2 },
          tools: {
            refund: { module, when: 'session.calls("refund").count < 3' },
            read_secret: { module },
            send_email: { module, when: 'session.calls("read_secret").count == 0' },
            look: { module, when: 'session.denied == 0' },
            pay: { module, when: 'budget.tool_calls_used < 3' },
          },
          agents: { helper: {}, brief: { agent: 'helper', limits: { maxToolCalls: 2 } }, chief: {} },
        },
        chief: {
          ...quiet,
          limits: { usd: 0.4, wallSeconds: 300, maxRecursionDepth: 1 },
          tools: free,
          agents: { helper: {} },
        },
        helper: { ...quiet, limits: { usd: 0.2, wallSeconds: 300 }, tools: free },
      },
    },
  });
});
afterAll(() => stack.close());

/** The tools that were admitted and denied, by the depth of the session. */
async function callsOf(id: string, depth = 0): Promise<{ ran: string[]; denied: string[] }> {
  const ran: string[] = [];
  const denied: string[] = [];
  for (const record of await stack.records(id)) {
    if (record.event === 'tool_denied') denied.push(`${depth} ${record.payload.tool}`);
    if (record.event !== 'tool_admitted') continue;
    const { agent, tool } = record.payload;
    if (!agent) ran.push(`${depth} ${tool}`);
    const below = agent && (await callsOf(agent.session_id, depth + 1));
    ran.push(...(below?.ran ?? []));
    denied.push(...(below?.denied ?? []));
  }
  return { ran, denied };
}

test.each<[string, readonly string[], readonly string[]]>([
  ['refund; refund; helper(refund; refund)', ['0 refund', '0 refund', '1 refund'], ['1 refund']],
  ['helper(refund; refund); refund; refund', ['1 refund', '1 refund', '0 refund'], ['0 refund']],
  ['helper(refund; refund; refund; refund)', ['1 refund', '1 refund', '1 refund'], ['1 refund']],
  ['chief(refund; helper(refund; refund)); refund', ['1 refund', '2 refund', '2 refund'], ['0 refund']],
  ['read_secret; helper(send_email)', ['0 read_secret'], ['1 send_email']],
  ['helper(read_secret); send_email', ['1 read_secret'], ['0 send_email']],
  ['helper(read_secret); helper(send_email)', ['1 read_secret'], ['1 send_email']],
  ['chief(helper(read_secret)); send_email', ['2 read_secret'], ['0 send_email']],
  // What the first may do counts as done while it runs, as far as its limit goes.
  ['brief(refund; refund) & brief(refund; refund)', ['1 refund', '1 refund', '1 refund'], ['1 refund']],
  ['helper(look) & refund', ['1 look'], ['0 refund']],
  ['helper(look) & helper(send_email)', ['1 look'], ['1 send_email']],
  ['helper(look); helper(send_email)', ['1 look', '1 send_email'], []],
  ['helper(nothing); look', [], ['1 nothing', '0 look']],
  // Two of its own, and the call itself.
  ['look; look; helper(pay)', ['0 look', '0 look'], ['1 pay']],
  ['look; helper(pay)', ['0 look', '1 pay'], []],
])('rules count what is called below and above: %s', async (input, ran, denied) => {
  const session = await stack.start({ input });
  expect(await session.result()).toMatchObject({ outcome: 'answered' });
  expect(await callsOf(session.id)).toEqual({ ran, denied });
});
