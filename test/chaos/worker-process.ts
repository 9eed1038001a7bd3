/**
 * A worker in a process of its own, to be killed: `node worker-process.ts FOLDER CONFIG ADDRESS BUNDLE`. Says `ready` on
 * stdout once it polls. Like test/fixtures/workflows/worker-process.ts, but it waits for a server that is down, as it may be here.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { NativeConnection } from '@temporalio/worker';
import { pino } from 'pino';
import { loadConfig } from '../../src/config/load.ts';
import { createWorker } from '../../worker.ts';
import { quietRuntime } from '../harness/quiet.ts';

const [folder = '', config = '', address = '', bundlePath = ''] = process.argv.slice(2);

async function connected(): Promise<NativeConnection> {
  for (;;) {
    const connection = await NativeConnection.connect({ address }).catch(() => null);
    if (connection) return connection;
    await delay(200);
  }
}

quietRuntime();
const worker = await createWorker({
  connection: await connected(),
  namespace: 'default',
  config: await loadConfig(config, folder),
  env: process.env,
  logger: pino({ level: 'silent' }),
  workflowBundle: { code: readFileSync(bundlePath, 'utf8') },
});
const running = worker.run();
process.stdout.write('ready\n');
await running;
