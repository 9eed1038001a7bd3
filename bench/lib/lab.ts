import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { pino } from 'pino';
import { loadConfig } from '../../src/config/load.ts';
import { findBinary } from '../../src/devserver/binaries.ts';
import { startDevServer } from '../../src/devserver/server.ts';
import { startModelEndpoint } from '../../src/model-endpoint/index.ts';
import type { Script } from '../../src/model-endpoint/index.ts';
import { createWorker } from '../../worker.ts';
import { benchContract } from './contract.ts';

/** A real Temporal server, and what a benchmark needs to start workers on it. */
export interface Lab {
  readonly address: string;
  readonly client: Client;
  readonly connection: NativeConnection;
  /** Runs `work` beside a worker with the bench's contract, a store on disk and a scripted model. */
  withGoverned<T>(worker: GovernedWorker, work: (taskQueue: string) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** What a governed worker runs: the project's own worker, with other workflows where a bundle is given. */
export interface GovernedWorker {
  readonly script: Script;
  readonly workflowBundle?: { readonly code: string };
}

/**
 * The server that a benchmark runs on. `memory`: the project's dev server, which polls its queues without delay and keeps
 * everything in memory: the fastest there is, and the hardest to compare with. `disk`: the same, keeping workflows in a
 * file. `stock`: in memory, with the polling that Temporal's CLI comes with.
 */
export type ServerKind = 'memory' | 'disk' | 'stock';

/** Temporal's own default: 20 polls a second. */
const STOCK_POLLING = { 'history.transferProcessorMaxPollRPS': 20, 'history.timerProcessorMaxPollRPS': 20 };

/** Starts a server for one benchmark. */
export async function openLab(kind: ServerKind, say: (line: string) => void): Promise<Lab> {
  const binary = await findBinary('temporal', { env: process.env, onProgress: say });
  const dir = await mkdtemp(join(tmpdir(), 'aegrail-bench-server-'));
  const server = await startDevServer({
    binary: binary.path,
    ...(kind === 'disk' ? { dbFile: join(dir, 'temporal.db') } : {}),
    ...(kind === 'stock' ? { dynamicConfig: STOCK_POLLING } : {}),
  });
  const clientConnection = await Connection.connect({ address: server.address });
  const connection = await NativeConnection.connect({ address: server.address });
  return {
    address: server.address,
    client: new Client({ connection: clientConnection }),
    connection,
    withGoverned: (worker, work) => withGoverned(connection, worker, work),
    async close() {
      await clientConnection.close();
      await connection.close();
      await server.stop();
      await rm(dir, { recursive: true });
    },
  };
}

async function withGoverned<T>(
  connection: NativeConnection,
  { script, workflowBundle }: GovernedWorker,
  work: (taskQueue: string) => Promise<T>,
): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'aegrail-bench-'));
  const taskQueue = `governed-${dir.slice(-6)}`;
  await writeFile(join(dir, 'aegrail.json'), JSON.stringify(benchContract(taskQueue)));
  const endpoint = await startModelEndpoint({ script });
  const worker = await createWorker({
    connection,
    namespace: 'default',
    config: await loadConfig('aegrail.json', dir),
    env: { OPENAI_BASE_URL: endpoint.openaiBaseUrl, OPENAI_API_KEY: 'bench' },
    logger: pino({ level: 'silent' }),
    ...(workflowBundle ? { workflowBundle } : {}),
  });
  const running = worker.run();
  try {
    return await work(taskQueue);
  } finally {
    worker.stop();
    await running;
    await endpoint.stop();
    await rm(dir, { recursive: true });
  }
}
