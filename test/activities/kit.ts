import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Writable } from 'node:stream';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { pino } from 'pino';
import { inject } from 'vitest';
import { Aegrail } from '../../src/client.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { ContractFileInput } from '../../src/config/schema.ts';
import type { ChainedRecord } from '../../src/core/record.ts';
import { type ModelEndpoint, type Script, startModelEndpoint } from '../../src/model-endpoint/index.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { type AegrailWorker, createWorker } from '../../worker.ts';
import { quietRuntime } from '../harness/quiet.ts';

type Table = 'records' | 'claims' | 'blobs';

/** A worker whose store can be broken from outside, and whose log can be read. */
export interface Bench {
  readonly dir: string;
  readonly taskQueue: string;
  readonly connection: NativeConnection;
  readonly client: Client;
  readonly aegrail: Aegrail;
  readonly endpoint: ModelEndpoint;
  readonly worker: AegrailWorker;
  readonly store: Store;
  readonly logged: readonly string[];
  records(sessionId: string): Promise<ChainedRecord[]>;
  /** Lines of runs.log for a session: each run of a tool leaves one. */
  runs(sessionId: string): string[];
  /** Makes SQLite itself refuse every insert of a session into a table, as a full disk does. Answers with how to end it. */
  breakTable(table: Table, sessionId: string): () => void;
  mendTable(table: Table, sessionId: string): void;
  close(): Promise<void>;
}

/** SQL of a trigger that refuses a session's inserts. */
export function brokenTable(table: Table, sessionId: string): string {
  const name = `"down ${table} ${sessionId}"`;
  return `CREATE TRIGGER ${name} BEFORE INSERT ON ${table} WHEN NEW.session_id = '${sessionId}' BEGIN SELECT RAISE(FAIL, 'the disk is full'); END`;
}

export async function startBench(options: {
  readonly config: ContractFileInput;
  readonly files: Readonly<Record<string, string>>;
  readonly script: Script;
}): Promise<Bench> {
  const dir = await mkdtemp(join(tmpdir(), 'aegrail-bench-'));
  const taskQueue = `test-${dir.slice(-6)}`;
  const file = { ...options.config, store: 'sqlite:store.db', taskQueue };
  await writeFile(join(dir, 'aegrail.json'), JSON.stringify(file));
  for (const [name, text] of Object.entries(options.files)) await writeFile(join(dir, name), text);
  await writeFile(join(dir, 'runs.log'), '');
  const endpoint = await startModelEndpoint({ script: options.script });
  const address = inject('address');
  quietRuntime();
  const connection = await NativeConnection.connect({ address });
  const logged: string[] = [];
  const sink = new Writable({ write: (chunk, _encoding, done) => (logged.push(String(chunk)), done()) });
  const worker = await createWorker({
    connection,
    namespace: 'default',
    config: await loadConfig('aegrail.json', dir),
    env: { HOME: dir, OPENAI_BASE_URL: endpoint.openaiBaseUrl, OPENAI_API_KEY: 'test' },
    logger: pino({ level: 'warn' }, sink),
    workflowBundle: { code: readFileSync(inject('bundlePath'), 'utf8') },
  });
  const running = worker.run();
  const clientConnection = await Connection.connect({ address });
  const client = new Client({ connection: clientConnection });
  const store = await openStore('sqlite:store.db', dir);
  const run = (sql: string): void => {
    const database = new DatabaseSync(join(dir, 'store.db'));
    database.exec(`PRAGMA busy_timeout = 5000; ${sql}`);
    database.close();
  };
  const mendTable = (table: Table, sessionId: string): void => run(`DROP TRIGGER "down ${table} ${sessionId}"`);
  return {
    dir,
    taskQueue,
    connection,
    client,
    aegrail: new Aegrail(client, { taskQueue }),
    endpoint,
    worker,
    store,
    logged,
    records: (sessionId) => Array.fromAsync(store.records(sessionId)),
    runs: (sessionId) =>
      readFileSync(join(dir, 'runs.log'), 'utf8')
        .split('\n')
        .filter((line) => line.includes(sessionId)),
    breakTable(table, sessionId) {
      run(brokenTable(table, sessionId));
      return () => mendTable(table, sessionId);
    },
    mendTable,
    async close() {
      worker.stop();
      await running;
      await store.close();
      await endpoint.stop();
      await clientConnection.close();
      await connection.close();
      await rm(dir, { recursive: true });
    },
  };
}
