import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { inject } from 'vitest';
import type { ContractFileInput } from '../../src/config/schema.ts';
import { loop, route, sequence } from '../../src/model-endpoint/index.ts';
import { botConfig, type Stack, startStack, toolsModule } from '../harness/stack.ts';
import { aegrailProcess, type End } from './kit.ts';

const TOOLS = toolsModule(`
export const refund = defineTool({ description: 'Refunds.', input: z.object({ amount: z.number() }), execute: () => 'done' });
export const hang = defineTool({
  description: 'Waits until it is stopped.',
  input: z.object({}),
  execute: (_, { signal }) => new Promise((_, fail) => signal.addEventListener('abort', () => fail(new Error('stopped')))),
});`);

const SMALL = `export const predicates = { small: ({ args }) => args.amount < 50 };\n`;

type ToolFile = NonNullable<ContractFileInput['agents'][string]['tools']>[string];

/** The contract of the sessions, or another with a part of it changed. */
function config(
  rule: NonNullable<ToolFile['when']>,
  usdPerMillion = 1,
  rest: Partial<ContractFileInput> = {},
): ContractFileInput {
  const price = { inputUsdPerMillion: usdPerMillion, outputUsdPerMillion: 4 * usdPerMillion };
  const tools = { refund: { module: './tools.ts', when: rule }, hang: { module: './tools.ts' } };
  const agent = { tools, limits: { usd: 1, maxToolCalls: 4, wallSeconds: 600 } };
  return botConfig(agent, { prices: { 'openai/gpt-5.4-mini': price }, ...rest });
}

const refund = (amount: number): { tool: string; args: { amount: number } } => ({ tool: 'refund', args: { amount } });

/** A stack with sessions to replay, and contract files to replay them under. */
export interface ReplayStack {
  readonly stack: Stack;
  /** A session that refunded 20 and 80, was denied 500, and answered. */
  readonly answered: string;
  /** Runs `aegrail audit replay` in the folder of the contract file. */
  replay(...args: string[]): Promise<End>;
  /** Writes a session's history to a file beside the contract file, as Temporal's own CLI does. */
  historyFile(id: string, runId?: string): Promise<string>;
}

/**
 * Starts a worker whose agent waits in a tool (Wait.), refunds for ever (Loop.), or refunds and answers.
 *
 * @param payloadKeys with which all of it is encrypted
 */
export async function startReplayStack(payloadKeys?: string): Promise<ReplayStack> {
  const stack = await startStack({
    ...(payloadKeys === undefined ? {} : { payloadKeys }),
    files: {
      'tools.ts': TOOLS,
      'predicates.ts': SMALL,
      'stricter.json': JSON.stringify(config('args.amount <= 50')),
      'laxer.json': JSON.stringify(config('true')),
      'small.json': JSON.stringify(config({ predicate: 'small' }, 1, { predicates: './predicates.ts' })),
      'dearer.json': JSON.stringify(config('args.amount <= 100', 2)),
      'other-agent.json': JSON.stringify({ agents: { cat: config('true').agents['bot'] } }),
    },
    config: config('args.amount <= 100'),
    script: route([
      { user: 'Wait.', play: sequence([{ call: [{ tool: 'hang', args: {} }] }]) },
      { user: 'Loop.', play: loop({ call: [refund(1)] }) },
      { play: sequence([{ call: [refund(20), refund(80), refund(500)] }, { say: 'Refunded.' }]) },
    ]),
  });
  const session = await stack.start({});
  await session.result();
  const env: Record<string, string> = payloadKeys === undefined ? {} : { TEST_PAYLOAD_KEYS: payloadKeys };
  return {
    stack,
    answered: session.id,
    replay: (...args) => aegrailProcess(['audit', 'replay', ...args], { cwd: stack.dir, env }),
    async historyFile(id, runId) {
      const run = runId === undefined ? [] : ['-r', runId];
      const show = ['workflow', 'show', '-w', id, ...run, '-o', 'json', '--address', inject('address')];
      const { stdout } = await promisify(execFile)(inject('temporalBinary'), show, { maxBuffer: 1 << 26 });
      const name = `history-${randomUUID()}.json`;
      writeFileSync(join(stack.dir, name), stdout);
      return name;
    },
  };
}
