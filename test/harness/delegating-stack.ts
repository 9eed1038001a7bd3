import type { Session } from '../../src/client.ts';
import type { ContractFileInput } from '../../src/config/schema.ts';
import type { ChainedRecord, Events } from '../../src/core/record.ts';
import type { Step, Turn } from '../../src/model-endpoint/index.ts';
import { until } from '../fixtures/workflows/until.ts';
import { type Stack, startStack, toolsModule } from './stack.ts';

const TOOLS = toolsModule(`
export const look = defineTool({ description: 'Looks.', input: z.object({ at: z.string() }), execute: ({ at }) => 'saw ' + at });
export const write = defineTool({ description: 'Writes.', input: z.object({}), execute: () => 'written' });
export const hang = defineTool({
  description: 'Listens to its signal.',
  input: z.object({}),
  execute: (_, { signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
});`);

/**
 * What a model is told to do: "helper: look at sea | look: shore" asks the agent helper to "look at sea", and looks itself,
 * in one answer; then it says what it heard.
 */
function script({ lastToolResults, lastUserText }: Turn): Step {
  if (lastUserText.startsWith('forever')) return { call: [{ tool: 'look', args: { at: 'sea' } }] };
  if (lastToolResults.length > 0) return { say: `heard ${lastToolResults.map(({ text }) => text).join(' and ')}` };
  const calls = lastUserText.split(' | ').flatMap((order) => {
    const [, tool, what] = /^(\w+): (.*)$/s.exec(order) ?? [];
    if (!tool || what === undefined) return [];
    return [{ tool, args: tool === 'look' ? { at: what } : ['write', 'hang'].includes(tool) ? {} : { task: what } }];
  });
  return calls.length > 0 ? { call: calls } : { say: `done: ${lastUserText}` };
}

const tools = (names: readonly string[]): Record<string, { module: string }> =>
  Object.fromEntries(names.map((name) => [name, { module: './tools.ts' }]));

const quiet = { model: 'openai/gpt-5.4-mini', budget: { softLimit: 0 }, loops: { maxRepeats: 0 } };
const config: ContractFileInput = {
  agents: {
    bot: {
      ...quiet,
      limits: { usd: 1, wallSeconds: 600, maxToolCalls: 2000, maxRecursionDepth: 2 },
      tools: { ...tools(['hang']), look: { module: './tools.ts', when: 'args.at != "sun"' } },
      agents: { helper: { limits: { usd: 0.2 } }, chief: {} },
    },
    chief: {
      ...quiet,
      limits: { usd: 0.5, wallSeconds: 300, maxRecursionDepth: 1 },
      agents: { helper: { limits: { usd: 0.1 } } },
      tools: tools(['look']),
    },
    helper: {
      ...quiet,
      limits: { usd: 0.3, wallSeconds: 120, maxToolCalls: 3 },
      tools: { ...tools(['write', 'hang']), look: { module: './tools.ts', when: 'args.at != "moon"' } },
    },
  },
};

type RecordOf<E extends keyof Events> = Extract<ChainedRecord, { event: E }>;

/** A stack whose agents call each other: a bot may call a chief and a helper, and the chief a helper. */
export interface DelegatingStack extends Stack {
  recordsOf<E extends keyof Events>(sessionId: string, event: E): Promise<RecordOf<E>[]>;
  /** The child of a session that was started first. */
  childOf(session: Session): Promise<string>;
}

export async function startDelegatingStack(): Promise<DelegatingStack> {
  const stack = await startStack({ files: { 'tools.ts': TOOLS }, script, config });
  const recordsOf = async <E extends keyof Events>(sessionId: string, event: E): Promise<RecordOf<E>[]> => {
    const all = await stack.records(sessionId);
    return all.filter((record): record is RecordOf<E> => record.event === event);
  };
  return {
    ...stack,
    recordsOf,
    childOf: ({ id }) =>
      until(
        'a record',
        async () =>
          (await recordsOf(id, 'tool_admitted')).find(({ payload }) => payload.agent)?.payload.agent?.session_id,
      ),
  };
}
