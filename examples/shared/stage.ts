import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { DefaultLogger, NativeConnection } from '@temporalio/worker';
import { pino } from 'pino';
import { keptBundle } from '../../src/bundle/kept-bundle.ts';
import { registerResolveHook } from '../../src/cli/resolve-hook.ts';
import { Aegrail } from '../../src/client.ts';
import { type LoadedConfig, loadConfig } from '../../src/config/load.ts';
import type { ChainedRecord } from '../../src/core/record.ts';
import { findBinary } from '../../src/devserver/binaries.ts';
import { cacheDirOf } from '../../src/devserver/cache.ts';
import { startDevServer } from '../../src/devserver/server.ts';
import { openStore } from '../../src/store/open.ts';
import { type AegrailWorker, createWorker } from '../../worker.ts';
import { unless } from './interrupt.ts';
import type { ExampleModel } from './model.ts';
import { withProgress } from './progress.ts';

/** Where to run. */
export interface StageOptions {
  /** Folder of the contract file, aegrail.yaml. */
  readonly dir: string;
  readonly model: ExampleModel;
  /** Use the Temporal server that TEMPORAL_ADDRESS names, where it is set. Otherwise one is started, and ends with us. */
  readonly useExistingServer: boolean;
  readonly signal: AbortSignal;
}

/** A Temporal server with a worker, and a client to start sessions with. */
export interface Stage {
  readonly aegrail: Aegrail;
  readonly client: Client;
  readonly address: string;
  /** Of the server that was started; null for one that was there. */
  readonly uiUrl: string | null;
  /** Temporary, with the store and the log. */
  readonly stateDir: string;
  readonly worker: AegrailWorker;
  readonly bundle: { readonly code: string };
  /** A session's records, from the store. */
  readonly log: (sessionId: string) => Promise<ChainedRecord[]>;
}

/** Starts server and worker. What it starts is let go of by `cleanup`, in reverse order, however far it came. */
export async function openStage(options: StageOptions, cleanup: AsyncDisposableStack): Promise<Stage> {
  const { dir, model, signal } = options;
  const { endpoint } = model;
  if (endpoint) cleanup.defer(() => endpoint.stop());
  // So that `import … from 'aegrail'` in a tools.ts is this very package.
  cleanup.defer(registerResolveHook());
  const stateDir = await mkdtemp(join(tmpdir(), 'aegrail-example-'));
  cleanup.defer(() => rm(stateDir, { recursive: true, force: true }));
  const config = adapted(await loadConfig('aegrail.yaml', dir), model, stateDir);

  const bundles = join(cacheDirOf(process.env, process.platform), 'bundles');
  const bundling = keptBundle(bundles, { logger: new DefaultLogger('ERROR') });
  const starting = Promise.all([server(options, cleanup), bundling]);
  const [{ uiUrl, connectionOptions, namespace }, bundle] = await unless(
    signal,
    withProgress('starting Temporal and a worker', starting),
  );
  const connection = await NativeConnection.connect(connectionOptions);
  cleanup.defer(() => connection.close());
  const clientConnection = await Connection.connect(connectionOptions);
  cleanup.defer(() => clientConnection.close());
  const env = { ...process.env, PATH: pathWithOurBin(), ...model.env };
  const creating = createWorker({
    connection,
    namespace,
    config,
    env,
    logger: pino({ level: 'silent' }),
    workflowBundle: bundle,
  });
  const worker = await withProgress('asking the MCP servers for their tools', creating);
  const running = worker.run();
  cleanup.defer(async () => {
    worker.stop();
    await running;
  });
  signal.throwIfAborted();
  const store = await openStore(config.file.store, dir, env);
  cleanup.defer(() => store.close());
  const client = new Client({ connection: clientConnection, namespace });
  const aegrail = new Aegrail(client, { taskQueue: worker.taskQueue });
  const log = (sessionId: string): Promise<ChainedRecord[]> => Array.fromAsync(store.records(sessionId));
  return { aegrail, client, address: connectionOptions.address, uiUrl, stateDir, worker, bundle, log };
}

/** The contract file as it is, but for what an example must not leave behind or share: store, log and task queue. */
function adapted({ source, file }: LoadedConfig, { name, prices }: ExampleModel, stateDir: string): LoadedConfig {
  const agents = Object.entries(file.agents).map(
    ([key, agent]) => [key, { ...agent, model: name ?? agent.model }] as const,
  );
  return {
    source,
    file: {
      ...file,
      agents: Object.fromEntries(agents),
      prices: { ...file.prices, ...prices },
      store: `sqlite:${join(stateDir, 'aegrail.db')}`,
      sinks: [{ file: join(stateDir, 'audit.jsonl') }],
      taskQueue: `aegrail-${stateDir.slice(-6)}`,
    },
  };
}

async function server({ useExistingServer, signal }: StageOptions, cleanup: AsyncDisposableStack) {
  if (useExistingServer && process.env['TEMPORAL_ADDRESS']) {
    const { connectionOptions, namespace } = loadClientConnectConfig();
    const address = connectionOptions.address ?? process.env['TEMPORAL_ADDRESS'];
    return { uiUrl: null, namespace: namespace ?? 'default', connectionOptions: { ...connectionOptions, address } };
  }
  const onProgress = (line: string): void => void process.stderr.write(`${line}\n`);
  const { path } = await findBinary('temporal', { env: process.env, onProgress });
  // Ctrl-C ends the server at once only while it starts: later, sessions in flight still need it to be cancelled.
  const early = new AbortController();
  const onAbort = (): void => early.abort(signal.reason);
  signal.addEventListener('abort', onAbort);
  const started = await startDevServer({ binary: path, signal: early.signal });
  signal.removeEventListener('abort', onAbort);
  cleanup.defer(() => started.stop());
  return { uiUrl: started.uiUrl, namespace: 'default', connectionOptions: { address: started.address } };
}

/** MCP servers that are in our own node_modules are found by name. */
function pathWithOurBin(): string {
  const bin = fileURLToPath(new URL('../../node_modules/.bin', import.meta.url));
  return [bin, process.env['PATH']].filter(Boolean).join(delimiter);
}
