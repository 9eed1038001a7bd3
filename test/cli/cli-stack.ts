import { checkSession } from '../harness/check-session.ts';
import { botConfig, type Stack, startStack, toolsModule } from '../harness/stack.ts';
import { loop, route, sequence } from '../../src/model-endpoint/index.ts';
import { aegrail, aegrailProcess, type End } from './kit.ts';

const TOOLS = toolsModule(`
export const lookup = defineTool({ description: 'Looks up.', input: z.object({ id: z.string() }), execute: ({ id }) => id });
export const hang = defineTool({
  description: 'Waits until it is stopped.',
  input: z.object({}),
  execute: (_, { signal }) => new Promise((_, fail) => signal.addEventListener('abort', () => fail(new Error('stopped')))),
});`);

/** A stack that is driven by the command line. */
export interface CliStack {
  readonly stack: Stack;
  /** Runs a command in the folder of the contract file, whose task queue is the stack's. */
  run(...args: string[]): Promise<End>;
  /** The same in a process of its own: what replays histories sets up Temporal's native side, once in a process. */
  runProcess(...args: string[]): Promise<End>;
  /** Starts a session under an id of its own. What the model does depends on the first message: Hello., Wait. or Loop. */
  begin(input: string, ...more: string[]): Promise<{ readonly id: string; readonly end: End }>;
  /** Waits until the tool of a session that was told to wait hangs. */
  untilHanging(id: string): Promise<void>;
  /** Checks the log of each session that was begun, and closes all. */
  close(): Promise<void>;
}

/** Starts a worker whose agent looks something up and answers, waits in a tool, or loops. */
export async function startCliStack(): Promise<CliStack> {
  const begun = new Set<string>();
  const stack = await startStack({
    files: { 'tools.ts': TOOLS },
    config: botConfig({
      tools: { lookup: { module: './tools.ts' }, hang: { module: './tools.ts' } },
      limits: { usd: 1, maxToolCalls: 4, wallSeconds: 600 },
    }),
    script: route([
      { user: 'Wait.', play: sequence([{ call: [{ tool: 'hang', args: {} }] }]) },
      { user: 'Loop.', play: loop({ call: [{ tool: 'lookup', args: { id: '1' } }] }) },
      {
        play: sequence([
          {
            call: [
              { tool: 'lookup', args: { id: '1' } },
              { tool: 'wipe', args: {} },
            ],
          },
          { say: 'It is on its way.' },
        ]),
      },
    ]),
  });
  const run = (...args: string[]): Promise<End> => aegrail(args, { cwd: stack.dir });
  return {
    stack,
    run,
    runProcess: (...args) => aegrailProcess(args, { cwd: stack.dir }),
    async begin(input, ...more) {
      const id = `cli-${crypto.randomUUID()}`;
      begun.add(id);
      return {
        id,
        end: await run('start', 'bot', '--user', 'ann@acme.com', '--input', input, '--session', id, ...more),
      };
    },
    async untilHanging(id) {
      while (!(await stack.records(id)).some(({ event }) => event === 'tool_admitted')) {
        await new Promise((done) => setTimeout(done, 50));
      }
    },
    async close() {
      for (const id of begun) await checkSession(stack.client, id, await stack.records(id));
      await stack.close();
    },
  };
}
