import type { ContractFileInput } from '../../src/config/schema.ts';

/** Where tools write what they really did, one line for each run: beside the contract file. */
export const RUNS_FILE = 'runs.log';

const source = (path: string): string => JSON.stringify(new URL(`../../${path}`, import.meta.url).href);

/**
 * The tools. Each first writes the arguments that make its call unique to a file, on disk before anything else is done:
 * a line stands for one effect in the world. `session` is from the worker, so that a mix-up of sessions is seen too.
 */
export const TOOLS_MODULE = `
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { defineTool } from ${source('src/tools/define.ts')};
import { z } from ${source('node_modules/zod/index.js')};

const note = (tool, { id }, { sessionId }) => {
  const file = openSync(new URL('${RUNS_FILE}', import.meta.url), 'a');
  writeSync(file, JSON.stringify({ tool, id, session: sessionId }) + '\\n');
  fsyncSync(file);
  closeSync(file);
};
const tool = (name) => defineTool({
  description: 'Does ' + name + '.',
  input: z.object({ id: z.string(), ms: z.number() }),
  async execute(args, context) {
    note(name, args, context);
    await delay(args.ms, undefined, { signal: context.signal });
    return 'did ' + args.id;
  },
});
export const once = tool('once');
export const again = tool('again');
export const guarded = tool('guarded');
`;

/** Tools whose call may run once at most: those that are not idempotent. */
export const AT_MOST_ONCE: ReadonlySet<string> = new Set(['once', 'guarded']);

const shown = { showArgs: ['id'], showResult: false };
const once = { module: './tools.ts', redact: shown };
const tools = {
  once,
  again: { module: './tools.ts', idempotent: true, redact: shown },
  guarded: { ...once, approval: { quorum: 2, expiresSeconds: 1_800, approvers: "approver.id.endsWith('@ops.com')" } },
};
/** The wall clock is far above what a run of the chaos takes: a session ends because its work is done. */
const limits = { usd: 5, tokens: 500_000, wallSeconds: 7_200, maxToolCalls: 200 };
const agent = { model: 'openai/gpt-5.4-mini', tools, limits, budget: { softLimit: 0 }, loops: { maxRepeats: 0 } };

/** The contract file: one agent for each way of living with a budget. */
export function chaosContract(taskQueue: string, store: string): ContractFileInput {
  return {
    agents: {
      bot: agent,
      /** Has less than it needs, and is killed. */
      poor: { ...agent, limits: { ...limits, maxToolCalls: 4 } },
      /** Has less than it needs, and asks. */
      asking: {
        ...agent,
        limits: { ...limits, maxToolCalls: 3 },
        budget: { softLimit: 0, onExceeded: 'ask', approvers: "approver.id.endsWith('@ops.com')" },
      },
      /** Calls another. */
      lead: { ...agent, limits: { ...limits, maxRecursionDepth: 1 }, agents: { helper: { limits: { usd: 0.5 } } } },
      helper: { ...agent, limits: { ...limits, maxToolCalls: 20 } },
    },
    taskQueue,
    store,
  };
}
