import type { ContractFileInput } from '../../src/config/schema.ts';
import type { LimitsInput } from '../../src/core/start-input.ts';
import { byAttempt, route, type Script, type ScriptedCall, sequence } from '../../src/model-endpoint/index.ts';

/** A session to record. Its name is its id and its first message. */
export interface Scenario {
  readonly name: string;
  readonly limits: LimitsInput;
  /** Cancelled once it says that it does this. */
  readonly cancelWhile?: string;
}

export const SCENARIOS: readonly Scenario[] = [
  { name: 'answered-with-refusals', limits: {} },
  { name: 'killed-by-usd', limits: { usd: 0.002 } },
  { name: 'cancelled-in-mid-tool', limits: {}, cancelWhile: 'waiting for hangs' },
  { name: 'failed-after-retries', limits: {} },
  { name: 'parallel-calls', limits: { maxToolCalls: 8 } },
  { name: 'delegated', limits: {} },
];

const lookUp = (id: string): ScriptedCall => ({ tool: 'lookup_order', args: { id } });

/** What the model does in each of them. */
export const SCRIPT: Script = route([
  {
    user: 'answered-with-refusals',
    play: sequence([
      {
        say: 'I look it up.',
        call: [
          lookUp('4521'),
          { tool: 'refund', args: { id: '4521', amount: 500 } },
          { tool: 'wipe_disk', args: {} },
          { tool: 'refund', rawArguments: '{"id": 4521' },
        ],
      },
      {
        call: [
          { tool: 'refund', args: { id: '4521', amount: 20 } },
          { tool: 'flaky', args: {} },
        ],
      },
      { say: 'Your 20 euros are on their way.' },
    ]),
  },
  {
    user: 'killed-by-usd',
    play: ({ index }) => ({ say: 'And another one. '.repeat(8), call: [lookUp(String(index))] }),
  },
  { user: 'cancelled-in-mid-tool', play: { call: [{ tool: 'hangs', args: {} }] } },
  {
    user: 'failed-after-retries',
    play: byAttempt([
      { fail: { status: 503 } },
      { fail: { status: 429, retryAfterSeconds: 1 } },
      { truncate: true },
      { fail: { status: 401 } },
    ]),
  },
  {
    user: 'parallel-calls',
    play: ({ index }) => ({ call: Array.from({ length: 5 }, (_, call) => lookUp(`${index}.${call}`)) }),
  },
  {
    user: 'delegated',
    play: sequence([
      { call: [{ tool: 'helper', args: { task: 'help with 4521' } }, lookUp('1')] },
      { say: 'It was shipped, says the helper.' },
    ]),
  },
  { user: 'help with 4521', play: sequence([{ call: [lookUp('4521')] }, { say: 'It was shipped.' }]) },
]);

export const CONFIG: ContractFileInput = {
  agents: {
    bot: {
      model: 'openai/gpt-5.4-mini',
      instructions: 'You help customers of a shop.',
      limits: { usd: 1, tokens: 100_000, maxToolCalls: 50, wallSeconds: 600, maxRecursionDepth: 1 },
      agents: { helper: { limits: { usd: 0.1 } } },
      tools: {
        lookup_order: { module: './tools.ts', idempotent: true, redact: { showArgs: ['id'], showResult: true } },
        refund: { module: './tools.ts', when: "args.amount <= 100 && principal.user.endsWith('@acme.com')" },
        flaky: { module: './tools.ts' },
        hangs: { module: './tools.ts' },
      },
    },
    helper: {
      model: 'openai/gpt-5.4-mini',
      limits: { usd: 0.5, wallSeconds: 60 },
      tools: { lookup_order: { module: './tools.ts', idempotent: true } },
    },
  },
};

const at = (path: string): string => JSON.stringify(new URL(`../../${path}`, import.meta.url).href);

/** Source of the tools' module. */
export const TOOLS = `
import { setTimeout as delay } from 'node:timers/promises';
import { defineTool } from ${at('src/tools/define.ts')};
import { z } from ${at('node_modules/zod/index.js')};
export const lookup_order = defineTool({
  description: 'Looks up an order.',
  input: z.object({ id: z.string() }),
  execute: ({ id }) => ({ id, status: 'shipped', note: 'Left at the door, said the carrier. '.repeat(10) }),
});
export const refund = defineTool({
  description: 'Refunds an order.',
  input: z.object({ id: z.string(), amount: z.number() }),
  execute: ({ amount }) => 'refunded ' + amount,
});
export const flaky = defineTool({
  description: 'Fails.',
  input: z.object({}),
  execute() {
    throw new Error('out of order');
  },
});
export const hangs = defineTool({
  description: 'Waits until it is told to stop.',
  input: z.object({}),
  execute: (_, { signal }) => delay(60_000, 'never', { signal }),
});
`;
