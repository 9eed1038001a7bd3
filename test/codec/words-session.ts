import type { Client } from '@temporalio/client';
import { type Script, sequence } from '../../src/model-endpoint/index.ts';
import { SESSION_WORKFLOW } from '../../src/protocol.ts';
import { until } from '../fixtures/workflows/until.ts';
import { type Stack, startStack, toolsModule } from '../harness/stack.ts';

/** Words that stand for what is private, one for each place from which it could come into Temporal's database. */
export const WORDS = {
  user: 'Quentwhistle@example.org',
  input: 'Brambleford',
  instructions: 'Osmotherley',
  agent: 'Thistledown',
  toolName: 'Wigglesworth',
  argument: 'Zephyrinus',
  result: 'Marmaduke',
  failedTool: 'Ferdinandina',
  refusedArgument: 'Gallimaufry',
  modelText: 'Hollingberry',
  answer: 'Lillibullero',
  modelFailure: 'Pumblechook',
  unknownAgent: 'Nightingale',
  badInput: 'Kerfuffleton',
  cancelledArgument: 'Rumbelow',
  cancelReason: 'Skimpole',
  /** Of the stack trace of a failure. */
  stackTrace: 'activities/failure.ts',
} as const;

const TOOLS = toolsModule(`
const named = z.object({ name: z.string() });
export const ${WORDS.toolName} = defineTool({
  description: 'Answers.', input: named, execute: () => '${WORDS.result}',
});
export const fails = defineTool({
  description: 'Fails.', input: named, execute: () => { throw new Error('${WORDS.failedTool} went wrong'); },
});
export const waits = defineTool({
  description: 'Waits until it is stopped.', input: named,
  execute: (_, { signal }) => new Promise((_, fail) => signal.addEventListener('abort', () => fail(new Error('stopped')))),
});`);

const SCRIPT: Script = sequence([
  ({ lastUserText }) => {
    if (lastUserText === 'Fail.') return { fail: { status: 400, message: `${WORDS.modelFailure} is not allowed` } };
    if (lastUserText === 'Wait.') return { call: [{ tool: 'waits', args: { name: WORDS.cancelledArgument } }] };
    return {
      say: WORDS.modelText,
      call: [
        { tool: WORDS.toolName, args: { name: WORDS.argument } },
        { tool: 'fails', args: { name: 'x' } },
        { tool: 'refused', args: { name: WORDS.refusedArgument } },
      ],
    };
  },
  { say: WORDS.answer },
]);

/** Starts a stack whose sessions know the words. */
export function wordsStack(address: string, payloadKeys: string | undefined): Promise<Stack> {
  const tool = { module: './tools.ts' };
  return startStack({
    address,
    ...(payloadKeys === undefined ? {} : { payloadKeys }),
    files: { 'tools.ts': TOOLS },
    config: {
      agents: {
        [WORDS.agent]: {
          model: 'openai/gpt-5.4-mini',
          limits: { usd: 1, wallSeconds: 600 },
          instructions: `Be ${WORDS.instructions}.`,
          tools: {
            [WORDS.toolName]: tool,
            fails: tool,
            waits: tool,
            refused: { ...tool, export: 'fails', when: 'false' },
          },
        },
      },
    },
    script: SCRIPT,
  });
}

/** Plays sessions until every word has been where it can be: answered, failed, cancelled and refused ones. */
export async function playWords(stack: Stack): Promise<{ readonly answered: string }> {
  const start = { agent: WORDS.agent, user: WORDS.user };
  const answered = await stack.start({ ...start, input: `Hello from ${WORDS.input}.` });
  await answered.result();
  await answered.view();
  const failed = await stack.start({ ...start, input: 'Fail.' });
  await failed.result().catch(() => undefined);
  const cancelled = await stack.start({ ...start, input: 'Wait.' });
  await until('the tool waits', async () => (await cancelled.view().catch(() => null))?.doing === 'waiting for waits');
  await cancelled.cancel(WORDS.cancelReason);
  await cancelled.result();
  const unknown = await stack.start({ ...start, agent: WORDS.unknownAgent });
  await unknown.result().catch(() => undefined);
  await startBadly(stack.client, stack.taskQueue);
  return { answered: answered.id };
}

/** What is no input of a session: the failure says what is wrong with it. */
async function startBadly(client: Client, taskQueue: string): Promise<void> {
  const options = { taskQueue, workflowId: `bad-${taskQueue}`, args: [{ [WORDS.badInput]: 1 }] };
  await client.workflow.execute(SESSION_WORKFLOW, options).catch(() => undefined);
}
