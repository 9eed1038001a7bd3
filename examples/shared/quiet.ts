import process from 'node:process';
import { DefaultLogger, makeTelemetryFilterString, Runtime } from '@temporalio/worker';

/** Keeps Temporal's own log lines off the screen, but for errors. Once, before anything else of the worker's. */
export function quietTemporal(): void {
  Runtime.install({
    logger: new DefaultLogger('ERROR', ({ message }) => void process.stderr.write(`temporal: ${message}\n`)),
    telemetryOptions: {
      logging: { forward: {}, filter: makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' }) },
    },
    // Ours: see interrupt.ts.
    shutdownSignals: [],
  });
}
