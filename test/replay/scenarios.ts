import type { ContractFileInput } from '../../src/config/schema.ts';
import type { StartInput } from '../../src/core/start-input.ts';
import { byAttempt, route, type Script, type ScriptedCall, sequence } from '../../src/model-endpoint/index.ts';
import { cancelInMidTool, decideAndTopUp, type Drive, moveToOtherContract, talkAtLength } from './drives.ts';

/** The account that one of them is on. */
export const ACCOUNT = 'tenant/recorded';
/** Its workflow's history is recorded under this name, without a log. */
export const ACCOUNT_RECORDING = 'account';

/** So many events after which a session goes on in another run: more than the others have. */
export const CONTINUE_AT = 100;

/** A session to record. Its name is its id and its first message. */
export interface Scenario {
  readonly name: string;
  /** What it is started with besides. */
  readonly start?: Pick<StartInput, 'limits' | 'conversation' | 'account'> & { readonly agent?: string };
  /** What is done to it. Absent: nothing. */
  readonly drive?: Drive;
}

export const SCENARIOS: readonly Scenario[] = [
  { name: 'answered-with-refusals' },
  { name: 'killed-by-usd', start: { limits: { usd: 0.002 } } },
  { name: 'cancelled-in-mid-tool', drive: cancelInMidTool },
  { name: 'failed-after-retries' },
  { name: 'parallel-calls', start: { limits: { maxToolCalls: 8 } } },
  { name: 'delegated' },
  { name: 'waits-for-people', start: { agent: 'desk', conversation: true }, drive: decideAndTopUp },
  { name: 'talks-at-length', start: { agent: 'talker', conversation: true }, drive: talkAtLength },
  { name: 'moved-to-another-contract', start: { conversation: true }, drive: moveToOtherContract },
  { name: 'on-an-account', start: { account: ACCOUNT } },
  { name: 'goes-on-in-other-runs' },
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
  {
    user: 'waits-for-people',
    play: sequence([{ call: [{ tool: 'refund', args: { id: '4521', amount: 20 } }] }]),
  },
  { user: /^\[budget\]/, play: { say: 'Refunded, and I come to an end.' } },
  { user: /^\[summary\]/, play: { say: 'We talked at length.' } },
  {
    user: 'look twice',
    play: ({ lastToolResults }) =>
      lastToolResults.length > 0 ? { say: 'Seen.' } : { call: [lookUp('1'), lookUp('2')] },
  },
  { user: /at length|at-length/, play: { say: 'I see, and so on. '.repeat(30) } },
  { user: /thank you|moved-to-another-contract/, play: { say: 'You are welcome.' } },
  { user: 'on-an-account', play: sequence([{ call: [lookUp('4521')] }, { say: 'It was shipped.' }]) },
  {
    user: 'goes-on-in-other-runs',
    play: ({ index }) => (index < 16 ? { call: [lookUp(String(index))] } : { say: 'All were shipped.' }),
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
    desk: {
      model: 'openai/gpt-5.4-mini',
      limits: { usd: 1, maxToolCalls: 2, wallSeconds: 600 },
      budget: { onExceeded: 'ask', softLimit: 0.5 },
      tools: {
        lookup_order: { module: './tools.ts', idempotent: true },
        refund: { module: './tools.ts', approval: true },
      },
    },
    talker: {
      model: 'openai/gpt-5.4-mini',
      limits: { usd: 1, tokens: 500_000, wallSeconds: 600 },
      maxOutputTokens: 500,
      context: { windowTokens: 4_000, compactAt: 0.8 },
      tools: {},
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
