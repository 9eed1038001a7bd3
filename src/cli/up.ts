import type { Command } from 'commander';
import type { LoadedConfig } from '../config/load.ts';
import type { DevServer } from '../devserver/server.ts';
import { AegrailError } from '../core/errors.ts';
import type { ServerChoice } from '../temporal/settings.ts';
import type { AegrailWorker } from '../../worker.ts';
import { readConfig } from './config.ts';
import { DEFAULT_PORTS, startEmbedded } from './dev-server.ts';
import { EXIT } from './exit-codes.ts';
import type { Invocation } from './invocation.ts';
import { port, withConfig, withExample, withJson, withLogLevel } from './options.ts';
import { registerWherePermitted } from './search-attributes.ts';
import { listenWhileServing, type ServingSignals } from './stop-signals.ts';
import type { Terminal } from './terminal.ts';

interface UpOptions {
  readonly config?: string;
  readonly db?: string;
  readonly port: number;
  readonly uiPort: number;
  readonly address?: string;
  readonly namespace?: string;
  readonly logLevel: string;
  readonly json?: true;
}

/** Adds `aegrail up`. */
export function addUp(program: Command, invocation: Invocation): void {
  const command = program
    .command('up')
    .description('run a Temporal server with its Web UI and a worker, until Ctrl-C')
    .option('--db <file>', 'keep the server’s state in this SQLite file (otherwise it ends with the server)')
    .option('--port <number>', 'gRPC port of the server, 0 for a free one', port, DEFAULT_PORTS.grpc)
    .option('--ui-port <number>', 'port of the Web UI, 0 for a free one', port, DEFAULT_PORTS.ui)
    .option('--address <host:port>', 'use the server that is there, and start none')
    .option('--namespace <name>', 'Temporal namespace, with --address')
    .action((options: UpOptions) => up(options, invocation));
  withConfig(command);
  withLogLevel(command);
  withJson(command, 'a line of JSON when ready');
  withExample(
    command,
    'aegrail up',
    'aegrail start support-bot --user ann@acme.com --input "Where is my order?" --wait',
  );
}

async function up(options: UpOptions, { terminal, endWith }: Invocation): Promise<void> {
  const signals = listenWhileServing(() => process.exit(EXIT.interrupted));
  const stop = signals.signal;
  let server: DevServer | null = null;
  try {
    const config = await readConfig(options.config, terminal.cwd);
    if (options.address === undefined) server = await startUnlessStopped(options, terminal, stop);
    const serving = serveOn(server, options, config, terminal, signals);
    await (server ? Promise.race([serving, lost(server, stop)]) : serving);
  } catch (thrown) {
    if (!stop.aborted) throw thrown;
    endWith(EXIT.interrupted);
  } finally {
    await server?.stop();
    signals.release();
  }
}

/** Ctrl-C ends a server that starts; one that runs is needed until the worker has drained. */
async function startUnlessStopped(options: UpOptions, terminal: Terminal, stop: AbortSignal): Promise<DevServer> {
  const starting = new AbortController();
  const onStop = (): void => starting.abort();
  stop.addEventListener('abort', onStop, { once: true });
  try {
    return await startEmbedded(options, terminal, starting.signal);
  } finally {
    stop.removeEventListener('abort', onStop);
  }
}

async function serveOn(
  server: DevServer | null,
  options: UpOptions,
  config: LoadedConfig,
  terminal: Terminal,
  signals: ServingSignals,
): Promise<void> {
  const [{ serve }, { workflowBundle }, { connectWorker }, { installRuntime }, { stderrLogger }] = await Promise.all([
    import('./serve.ts'),
    import('./workflow-bundle.ts'),
    import('../temporal/connect-worker.ts'),
    import('../temporal/runtime.ts'),
    import('./logger.ts'),
  ]);
  const logger = stderrLogger(options.logLevel);
  installRuntime(logger);
  const choice = choiceFor(server, options);
  const env = server ? {} : terminal.env;
  const connected = await connectWorker(choice, env);
  await registerWherePermitted(choice, env, terminal);
  terminal.say('bundling the workflows');
  const bundle = await workflowBundle(config, config.file.encryption !== undefined, terminal);
  await serve(
    {
      config,
      connected,
      bundle,
      logger,
      signals,
      onReady: (worker) => terminal.line(readyLine(worker, server, connected.server, options)),
      onDrain: () => terminal.say('stopping: calls in flight may end (Ctrl-C again ends at once)'),
    },
    terminal,
  );
}

/** Settings of the environment are for other servers than our own. */
function choiceFor(server: DevServer | null, { address, namespace }: UpOptions): ServerChoice {
  return server ? { address: server.address, namespace: 'default' } : { address, namespace };
}

function readyLine(
  { contracts, taskQueue }: AegrailWorker,
  server: DevServer | null,
  { address, namespace }: { readonly address: string; readonly namespace: string },
  { db, json }: UpOptions,
): string {
  const agents = contracts.map(({ contract }) => `${contract.agent}/${contract.version}`);
  const ui = server?.uiUrl ?? null;
  if (json) return JSON.stringify({ event: 'ready', address, ui, namespace, taskQueue, agents, db: db ?? null });
  const state = db === undefined ? 'state is in memory (--db FILE keeps it)' : `state is in ${db}`;
  return `ready: ${agents.join(', ')} on ${address}${ui ? `, Web UI ${ui}, ${state}` : ''}. Ctrl-C ends it.`;
}

/** Rejects when the embedded server ends without us. */
async function lost(server: DevServer, stop: AbortSignal): Promise<never> {
  const code = await server.exited;
  if (stop.aborted) return new Promise(() => {});
  throw new AegrailError('SERVER_UNREACHABLE', `The Temporal server ended by itself, with code ${code}.`);
}
