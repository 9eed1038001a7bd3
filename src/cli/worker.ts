import type { Command } from 'commander';
import type { ServerChoice } from '../temporal/settings.ts';
import { readConfig } from './config.ts';
import type { Invocation } from './invocation.ts';
import { withConfig, withExample, withJson, withLogLevel, withServer } from './options.ts';
import { keepReadyFile } from './ready-file.ts';
import { listenWhileServing } from './stop-signals.ts';
import { EXIT } from './exit-codes.ts';

interface WorkerOptions extends ServerChoice {
  readonly config?: string;
  readonly readyFile?: string;
  readonly logLevel: string;
  readonly json?: true;
}

/** Adds `aegrail worker`. */
export function addWorker(program: Command, { terminal }: Invocation): void {
  const command = program
    .command('worker')
    .description(
      'run a worker alone, for a Temporal server that is there, until Ctrl-C or SIGTERM; SIGHUP opens the sinks’ files anew',
    )
    .option('--ready-file <path>', 'keep this file there, touched every 5 s, while the worker takes work')
    .action((options: WorkerOptions) => worker(options, terminal));
  withConfig(command);
  withServer(command);
  withLogLevel(command);
  withJson(command, 'a line of JSON when ready');
  withExample(command, 'TEMPORAL_ADDRESS=temporal:7233 aegrail worker --config aegrail.yaml');
}

async function worker(options: WorkerOptions, terminal: Invocation['terminal']): Promise<void> {
  const signals = listenWhileServing(() => process.exit(EXIT.interrupted));
  const config = await readConfig(options.config, terminal.cwd);
  const [{ serve }, { workflowBundle }, { connectWorker }, { installRuntime }, { stderrLogger }] = await Promise.all([
    import('./serve.ts'),
    import('./workflow-bundle.ts'),
    import('../temporal/connect-worker.ts'),
    import('../temporal/runtime.ts'),
    import('./logger.ts'),
  ]);
  const logger = stderrLogger(options.logLevel);
  installRuntime(logger);
  const connected = await connectWorker(options, terminal.env);
  terminal.say('bundling the workflows');
  const bundle = await workflowBundle(config, config.file.encryption !== undefined, terminal);
  let removeReadyFile = (): void => {};
  try {
    await serve(
      {
        config,
        connected,
        bundle,
        logger,
        signals,
        async onReady({ taskQueue, contracts }) {
          if (options.readyFile !== undefined) removeReadyFile = keepReadyFile(options.readyFile);
          const { address, namespace } = connected.server;
          const agents = contracts.map(({ contract }) => `${contract.agent}/${contract.version}`);
          if (options.json)
            await terminal.line(JSON.stringify({ event: 'ready', address, namespace, taskQueue, agents }));
          else
            await terminal.line(
              `ready: ${agents.join(', ')} on task queue ${taskQueue} of ${address}, namespace ${namespace}`,
            );
        },
        onDrain() {
          removeReadyFile();
          terminal.say('stopping: calls in flight may end (Ctrl-C again ends at once)');
        },
      },
      terminal,
    );
  } finally {
    removeReadyFile();
    signals.release();
  }
}
