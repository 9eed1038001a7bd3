/**
 * Makes the recorded histories anew: real sessions on a real dev server, with the scripted model endpoint.
 *
 *   npm exec node -- test/replay/record.ts
 *
 * Each scenario gives files under histories/VERSION/, the version being that of package.json, as long as it is not
 * released: NAME.json, the workflow's history as Temporal's tools write it, NAME.2.json and so on where it went on in other runs,
 * and NAME.jsonl, the log that the store had. Of an account there is no log. Record only when a change of the workflow's code is
 * meant to break replay: sessions that run over an update of the worker break in the same way.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import { pino } from 'pino';
import { bundleWorkflows } from '../../src/bundle/bundle.ts';
import { Aegrail } from '../../src/client.ts';
import { loadConfig } from '../../src/config/load.ts';
import { accountWorkflowId } from '../../src/core/account-name.ts';
import { canonicalJson } from '../../src/core/canonical.ts';
import { lineOf } from '../../src/core/chain.ts';
import { findBinary } from '../../src/devserver/binaries.ts';
import { startDevServer } from '../../src/devserver/server.ts';
import { startModelEndpoint } from '../../src/model-endpoint/index.ts';
import { openStore } from '../../src/store/open.ts';
import { createWorker } from '../../worker.ts';
import { fetchHistories } from '../../src/temporal/histories.ts';
import { type History, historyToJson } from './history-json.ts';
import { ACCOUNT, ACCOUNT_RECORDING, CONFIG, CONTINUE_AT, SCENARIOS, SCRIPT, TOOLS } from './scenarios.ts';
import { currentVersion, fileOf, folderOf, recordingProblemHere } from './versions.ts';

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
  const dynamicConfig = { 'limit.historyCount.suggestContinueAsNew': CONTINUE_AT };
  const [server, endpoint] = await Promise.all([
    startDevServer({ binary, dynamicConfig }),
    startModelEndpoint({ script: SCRIPT }),
  ]);
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
  const client = new Client({ connection: clientConnection });
  const aegrail = new Aegrail(client, { taskQueue: 'recorded' });
  const bot = worker.contracts.find(({ contract }) => contract.agent === 'bot')?.contract;
  const otherContract = (): Promise<string> =>
    store.putContract(canonicalJson({ ...bot, limits: { ...bot?.limits, tokens: 200_000 } }));
  await rm(histories, { recursive: true, force: true });
  await mkdir(histories, { recursive: true });
  await aegrail.accounts.set(ACCOUNT, { usd: 5, per: 'day', by: 'ann@acme.com' });
  const keep = async (name: string, runs: readonly History[]): Promise<void> => {
    for (const [index, run] of runs.entries())
      await writeFile(join(histories, fileOf(name, index)), historyToJson(run));
  };
  for (const { name, start = {}, drive } of SCENARIOS) {
    const session = await aegrail.start({ agent: 'bot', user: 'ann@acme.com', input: name, session: name, ...start });
    await drive?.({ session, aegrail, otherContract });
    // It may fail or be cancelled: that is a recording too.
    await session.handle.result().catch(() => {});
    const records = await Array.fromAsync(store.records(name));
    const runs = await fetchHistories(client, name);
    await keep(name, runs);
    await writeFile(join(histories, `${name}.jsonl`), records.map((one) => `${lineOf(one)}\n`).join(''));
    const events = runs.reduce((sum, run) => sum + (run.events?.length ?? 0), 0);
    onProgress(`recorded ${name}: ${runs.length} runs, ${events} events, ${records.length} records`);
  }
  await keep(ACCOUNT_RECORDING, await fetchHistories(client, accountWorkflowId(ACCOUNT)));
  worker.stop();
  await running;
  await store.close();
  await Promise.all([endpoint.stop(), clientConnection.close(), connection.close()]);
  await server.stop();
  await rm(dir, { recursive: true });
}

const problem = recordingProblemHere(version);
if (problem) {
  process.stderr.write(`${problem}\n`);
  process.exitCode = 2;
} else {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  await record();
}
