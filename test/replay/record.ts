/**
 * Makes the recorded histories anew: real sessions on a real dev server, with the scripted model endpoint.
 *
 *   npm exec node -- test/replay/record.ts
 *
 * Each scenario gives two files under histories/VERSION/, the version being that of package.json, as long as it is not
 * released: NAME.json, the workflow's history as Temporal's tools write it, and
 * NAME.jsonl, the log that the store had. Record only when a change of the workflow's code is meant to break replay:
 * sessions that run over an update of the worker break in the same way.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import { pino } from 'pino';
import { bundleWorkflows } from '../../src/bundle/bundle.ts';
import { Aegrail, type Session } from '../../src/client.ts';
import { loadConfig } from '../../src/config/load.ts';
import { lineOf } from '../../src/core/chain.ts';
import { findBinary } from '../../src/devserver/binaries.ts';
import { startDevServer } from '../../src/devserver/server.ts';
import { startModelEndpoint } from '../../src/model-endpoint/index.ts';
import { openStore } from '../../src/store/open.ts';
import { createWorker } from '../../worker.ts';
import { until } from '../fixtures/workflows/until.ts';
import { historyToJson } from './history-json.ts';
import { CONFIG, SCENARIOS, SCRIPT, TOOLS } from './scenarios.ts';
import { currentVersion, folderOf, recordingProblemHere } from './versions.ts';

const [, , version = currentVersion()] = process.argv;
const histories = fileURLToPath(folderOf(version));

async function record(): Promise<void> {
  const onProgress = (line: string): void => void process.stderr.write(`${line}\n`);
  const { path: binary } = await findBinary('temporal', { env: process.env, onProgress });
  const dir = await mkdtemp(join(tmpdir(), 'aegrail-record-'));
  await writeFile(
    join(dir, 'aegrail.json'),
    JSON.stringify({ ...CONFIG, store: 'sqlite:store.db', taskQueue: 'recorded' }),
  );
  await writeFile(join(dir, 'tools.ts'), TOOLS);
  const [server, endpoint] = await Promise.all([startDevServer({ binary }), startModelEndpoint({ script: SCRIPT })]);
  const { address } = server;
  const [connection, clientConnection] = await Promise.all([
    NativeConnection.connect({ address }),
    Connection.connect({ address }),
  ]);
  const worker = await createWorker({
    connection,
    namespace: 'default',
    config: await loadConfig('aegrail.json', dir),
    env: { OPENAI_BASE_URL: endpoint.openaiBaseUrl, OPENAI_API_KEY: 'test' },
    logger: pino({ level: 'silent' }),
    workflowBundle: await bundleWorkflows({ logger: new DefaultLogger('ERROR') }),
  });
  const running = worker.run();
  const store = await openStore('sqlite:store.db', dir);
  const aegrail = new Aegrail(new Client({ connection: clientConnection }), { taskQueue: 'recorded' });
  await mkdir(histories, { recursive: true });
  for (const { name, limits, cancelWhile } of SCENARIOS) {
    const session = await aegrail.start({ agent: 'bot', user: 'ann@acme.com', input: name, session: name, limits });
    if (cancelWhile) await cancelledWhile(session, cancelWhile);
    // It may fail or be cancelled: that is a recording too.
    await session.handle.result().catch(() => {});
    const records = await Array.fromAsync(store.records(name));
    const history = await session.handle.fetchHistory();
    await writeFile(join(histories, `${name}.json`), historyToJson(history));
    await writeFile(join(histories, `${name}.jsonl`), records.map((one) => `${lineOf(one)}\n`).join(''));
    onProgress(`recorded ${name}: ${history.events?.length ?? 0} events, ${records.length} records`);
  }
  worker.stop();
  await running;
  await store.close();
  await Promise.all([endpoint.stop(), clientConnection.close(), connection.close()]);
  await server.stop();
  await rm(dir, { recursive: true });
}

async function cancelledWhile(session: Session, doing: string): Promise<void> {
  await until(doing, async () => (await session.view().catch(() => null))?.doing === doing);
  await session.cancel('recorded');
}

const problem = recordingProblemHere(version);
if (problem) {
  process.stderr.write(`${problem}\n`);
  process.exitCode = 2;
} else {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  await record();
}
