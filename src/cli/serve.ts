import type { LoadedConfig } from '../config/load.ts';
import type { WorkerConnection } from '../temporal/connect-worker.ts';
import { type AegrailWorker, createWorker } from '../../worker.ts';
import type { Logger } from 'pino';
import type { ServingSignals } from './stop-signals.ts';
import type { Terminal } from './terminal.ts';

/** What {@link serve} runs. */
export interface Served {
  readonly config: LoadedConfig;
  readonly connected: WorkerConnection;
  readonly bundle: { readonly code: string };
  readonly logger: Logger;
  /** To drain and end, and to open files anew. */
  readonly signals: Pick<ServingSignals, 'signal' | 'onHangUp'>;
  /** Told when the worker takes work. */
  readonly onReady: (worker: AegrailWorker) => Promise<void>;
  /** Told when it stops taking work. */
  readonly onDrain: () => void;
}

/** Runs a worker until `stop`, and lets what is in flight end. @throws AegrailError CONFIG_INVALID */
export async function serve(served: Served, terminal: Terminal): Promise<void> {
  const { config, connected, logger, signals } = served;
  const stop = signals.signal;
  const { connection, server } = connected;
  try {
    const worker = await createWorker({
      connection,
      namespace: server.namespace,
      config,
      env: terminal.env,
      logger,
      workflowBundle: served.bundle,
    });
    const running = worker.run();
    const drain = (): void => {
      served.onDrain();
      stopQuietly(worker);
    };
    stop.addEventListener('abort', drain, { once: true });
    signals.onHangUp(() => {
      worker.reopenSinks();
      terminal.say('SIGHUP: the files of the sinks are opened anew');
    });
    const endOutliving = outliveLateRejections(logger);
    try {
      if (stop.aborted) drain();
      else await Promise.race([served.onReady(worker), running]);
      await running;
    } catch (thrown) {
      // A worker that can't say that it is ready is of no use; what was thrown counts, not how it ends.
      stopQuietly(worker);
      await running.catch(() => undefined);
      throw thrown;
    } finally {
      stop.removeEventListener('abort', drain);
      endOutliving();
    }
  } finally {
    await connection.close();
  }
}

function stopQuietly(worker: AegrailWorker): void {
  try {
    worker.stop();
  } catch {
    // It has ended already, or is about to.
  }
}

/**
 * A tool may have answered, and reject something later that nobody waits for: that must not end the sessions of others.
 * What it throws later outside of any promise does end the process; sessions go on with the next worker.
 *
 * @returns stops listening
 */
function outliveLateRejections(logger: Logger): () => void {
  const tell = (thrown: unknown): void =>
    logger.error(
      { err: thrown },
      'a promise was rejected, and nobody waited for it: most likely in the code of a tool',
    );
  process.on('unhandledRejection', tell);
  return () => process.off('unhandledRejection', tell);
}
