import type { ContractFileInput } from '../../src/config/schema.ts';
import { AegrailError } from '../../src/core/errors.ts';
import type { AuditRecord, ChainedRecord } from '../../src/core/record.ts';
import type { BilledCall, Play, Step, Turn } from '../../src/model-endpoint/index.ts';
import { DONE } from '../fixtures/workflows/model-answers.ts';
import { type Stack, startStack, toolsModule } from './stack.ts';

/** A session that is not over after so long is taken for stuck. */
const STUCK_MS = 40_000;
/** What the model costs. */
export const PRICE = { inputUsdPerMillion: 0.75, outputUsdPerMillion: 4.5 };

const TOOLS = toolsModule(`
let inFlight = 0;
export const note = defineTool({
  description: 'Notes anything.',
  input: z.looseObject({}),
  execute: async () => {
    inFlight += 1;
    globalThis.notesInFlight = Math.max(globalThis.notesInFlight ?? 0, inFlight);
    await new Promise((resolve) => setTimeout(resolve, 5));
    inFlight -= 1;
    return 'noted';
  },
});
export const strict = defineTool({ description: 'Wants an id.', input: z.strictObject({ id: z.string() }), execute: () => 'ok' });
`);

/** What a model does in one session, and whose: `bot` where no agent is named. */
export interface FaultCase {
  readonly agent?: 'brief' | 'impatient' | 'unreachable' | 'unpriced' | 'claude';
  readonly play: Play;
}

/** A request to the model. */
interface Asked {
  readonly turn: Turn;
  readonly atMs: number;
}

/** How a session went, and what it cost. */
export interface Run {
  readonly end: {
    readonly outcome: string;
    readonly reason: string | null;
    readonly answer?: string | null;
    readonly message?: string;
  };
  readonly records: readonly ChainedRecord[];
  /** What its requests to the model were. */
  readonly turns: readonly Asked[];
  readonly billed: readonly BilledCall[];
  readonly events: number;
  readonly historyBytes: number;
  readonly failedTasks: readonly string[];
  readonly elapsedMs: number;
}

/** A model that does what it should not, with a session of each case. */
export interface FaultyModel {
  run(name: string): Promise<Run>;
  close(): Promise<void>;
}

/** Starts a session of each case, side by side. The user's text is the name of the case. */
export async function startFaultyModel(cases: Readonly<Record<string, FaultCase>>): Promise<FaultyModel> {
  const turns = new Map<string, Asked[]>();
  const stack = await startStack({
    files: { 'tools.ts': TOOLS },
    config: configOfAll(),
    script: (turn) => {
      const name = turn.lastUserText;
      const asked = turns.get(name) ?? [];
      turns.set(name, asked);
      asked.push({ turn, atMs: Date.now() });
      return play(cases[name]?.play ?? DONE, turn);
    },
  });
  const runs = new Map<string, Promise<Run>>();
  for (const [name, { agent = 'bot' }] of Object.entries(cases)) {
    const run = runCase(stack, name, agent, () => turns.get(name) ?? []);
    // A failed run fails the tests that await it, not the process.
    run.catch(() => {});
    runs.set(name, run);
  }
  return {
    run: (name) => runs.get(name) ?? Promise.reject(new Error(`no case ${name}`)),
    close: () => stack.close(),
  };
}

function configOfAll(): ContractFileInput {
  const tools = { note: { module: './tools.ts' }, strict: { module: './tools.ts' } };
  const model = 'openai/scripted';
  const loops = { maxRepeats: 0 };
  const bot = { model, tools, maxOutputTokens: 200_000, limits: { usd: 20, wallSeconds: 60 }, loops };
  const brief = { ...bot, limits: { usd: 20, wallSeconds: 5 } };
  return {
    prices: { [model]: PRICE, 'dead/scripted': PRICE, 'anthropic/scripted': PRICE },
    // A port that only a privileged process could open, that nobody has been assigned, and that fetch does not refuse by itself.
    providers: { dead: { baseUrl: 'http://127.0.0.1:4/v1' } },
    agents: {
      bot,
      brief,
      impatient: { ...brief, limits: { usd: 20, wallSeconds: 7 }, modelTimeoutSeconds: 1 },
      unreachable: { ...brief, model: 'dead/scripted' },
      unpriced: { ...bot, model: 'openai/nobody-knows', limits: { tokens: 1_000_000, wallSeconds: 60 } },
      claude: { ...bot, model: 'anthropic/scripted' },
    },
  };
}

function play(what: Play, turn: Turn): Step {
  return typeof what === 'function' ? (what(turn) as Step) : what;
}

async function runCase(stack: Stack, name: string, agent: string, askedOf: () => readonly Asked[]): Promise<Run> {
  const startedMs = Date.now();
  const session = await stack.start({ agent, input: name });
  const end = await stack.client.withDeadline(Date.now() + STUCK_MS, () =>
    session.result().catch((thrown: unknown) => {
      if (!(thrown instanceof AegrailError)) throw thrown;
      return { outcome: 'failed', reason: thrown.code, message: thrown.message };
    }),
  );
  const elapsedMs = Date.now() - startedMs;
  const { events } = await session.handle.fetchHistory();
  const { raw: description } = await session.handle.describe();
  const mine = askedOf();
  const numbers = new Set(mine.map(({ turn }) => turn.requestNumber));
  return {
    end,
    records: await stack.records(session.id),
    turns: mine,
    billed: stack.endpoint.calls.filter(({ requestNumber }) => numbers.has(requestNumber)),
    events: events?.length ?? 0,
    historyBytes: Number(description.workflowExecutionInfo?.historySizeBytes ?? 0),
    failedTasks: (events ?? []).flatMap((event) => event.workflowTaskFailedEventAttributes?.failure?.message ?? []),
    elapsedMs,
  };
}

/** What the records of an event say. */
export function only<E extends AuditRecord['event']>(
  { records }: Run,
  event: E,
): Extract<ChainedRecord, { event: E }>['payload'][] {
  return records.filter((record) => record.event === event).map(({ payload }) => payload) as never;
}

/** What was posted, in nano-USD. */
export const postedNano = ({ records }: Run): number =>
  Math.round((records.at(-1)?.budget.usd_used ?? Number.NaN) * 1e9);
/** What the model was told of its calls. */
export const told = ({ turns: asked }: Run): string[] =>
  asked.at(-1)?.turn.lastToolResults.map(({ text }) => text) ?? [];
