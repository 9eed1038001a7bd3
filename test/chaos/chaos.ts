import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { createReplayer } from '../../src/audit/replayer.ts';
import { Aegrail } from '../../src/client.ts';
import { startModelEndpoint } from '../../src/model-endpoint/index.ts';
import { openStore } from '../../src/store/open.ts';
import { checkAll } from './check-all.ts';
import { chaosContract, RUNS_FILE, TOOLS_MODULE } from './contract.ts';
import { killAround, type Killed, type KillPlan } from './killer.ts';
import { lookByLog, lookByQuery } from './look.ts';
import { patienceOf } from './patience.ts';
import { superviseServer, superviseWorker, type Victim } from './processes.ts';
import { seeded } from './random.ts';
import { chaosScript } from './script.ts';
import { type Ran, startTraffic } from './traffic.ts';

/** What is done to whom. */
export interface ChaosOptions {
  readonly seed: number;
  readonly plan: KillPlan;
  /** Sessions at once, and in all. */
  readonly inFlight: number;
  readonly maxSessions: number;
  /** How long sessions may take to end after the last kill. */
  readonly drainMs: number;
  readonly temporalBinary: string;
  /** The session's workflow bundle, in a file. */
  readonly bundlePath: string;
  /** URL of the store; a file of its own when left out. */
  readonly store?: string;
  /** People ask sessions by queries, and not the log: see {@link lookByLog}. */
  readonly byQuery?: boolean;
  readonly say: (line: string) => void;
}

/** What came of it. */
export interface ChaosReport {
  /** What is wrong, a line each. */
  readonly problems: readonly string[];
  readonly killed: Killed;
  /** How often a worker ended although nobody killed it. */
  readonly fell: number;
  readonly sessions: readonly Ran[];
}

const WORKERS = 2;
const TASK_QUEUE = 'chaos';

/** Runs sessions while their workers and their server are killed, and looks at what they left behind. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { seed, plan, inFlight, maxSessions, drainMs, temporalBinary, bundlePath, say } = options;
  const folder = await mkdtemp(join(tmpdir(), 'aegrail-chaos-'));
  const store = options.store ?? 'sqlite:store.db';
  await writeFile(join(folder, 'tools.ts'), TOOLS_MODULE);
  await writeFile(join(folder, 'aegrail.json'), JSON.stringify(chaosContract(TASK_QUEUE, store)));
  const endpoint = await startModelEndpoint({ script: chaosScript });
  const server = await superviseServer(temporalBinary, join(folder, 'temporal.db'));
  const { address } = server;
  const place = { folder, config: 'aegrail.json', address, bundlePath, modelUrl: endpoint.openaiBaseUrl };
  const workers: Victim[] = Array.from({ length: WORKERS }, (_, index) =>
    superviseWorker(`worker ${index + 1}`, place, say),
  );
  let isFine = false;
  const connection = await Connection.connect({ address });
  const client = new Client({ connection });
  try {
    await Promise.all(workers.map((worker) => worker.ready()));
    const random = seeded(seed);
    const giveUp = new AbortController();
    const aegrail = new Aegrail(client, { taskQueue: TASK_QUEUE });
    const opened = await openStore(store, folder);
    const traffic = startTraffic(aegrail, patienceOf(client, giveUp.signal), random.fork(), {
      inFlight,
      maxSessions,
      prefix: `chaos-${seed}`,
      lookAt: options.byQuery ? lookByQuery : lookByLog(opened),
    });
    const killed = await killAround({ workers, server }, random.fork(), plan, say);
    say(`${killed.workers} kills of workers and ${killed.server} of the server; waiting for the sessions to end`);
    const cap = setTimeout(() => giveUp.abort(), drainMs);
    await traffic.drain();
    clearTimeout(cap);
    const bundle = { code: await readFile(bundlePath, 'utf8') };
    const runsFile = join(folder, RUNS_FILE);
    const code = createReplayer(bundle);
    const problems = await checkAll(traffic.ran, { client, store: opened, code, runsFile }, say);
    await code.close();
    await opened.close();
    const fell = workers.reduce((sum, worker) => sum + worker.fell(), 0);
    isFine = problems.length === 0;
    return { killed, fell, sessions: traffic.ran, problems };
  } finally {
    await Promise.all(workers.map((worker) => worker.stop()));
    await connection.close();
    await server.stop();
    await endpoint.stop();
    if (isFine) await rm(folder, { recursive: true });
    else say(`kept for a look: ${folder} (store, tools' lines, and Temporal's database)`);
  }
}
