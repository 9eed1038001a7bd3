/**
 * A worker in a process of its own, so that its memory is all its own: `node worker-process.ts FOLDER CONFIG ADDRESS BUNDLE`.
 * Says `ready` on stdout once it polls.
 */
import { readFileSync } from 'node:fs';
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import { pino } from 'pino';
import { loadConfig } from '../../src/config/load.ts';
import { createWorker } from '../../worker.ts';

const [folder = '', config = '', address = '', bundlePath = ''] = process.argv.slice(2);

Runtime.install({ logger: new DefaultLogger('ERROR') });
const worker = await createWorker({
  connection: await NativeConnection.connect({ address }),
  namespace: 'default',
  config: await loadConfig(config, folder),
  env: process.env,
  logger: pino({ level: 'silent' }),
  // Made before, as the command line has it: bundling takes more memory than all else.
  workflowBundle: { code: readFileSync(bundlePath, 'utf8') },
});
process.once('SIGTERM', () => worker.stop());
const running = worker.run();
process.stdout.write('ready\n');
await running;
process.exit(0);
