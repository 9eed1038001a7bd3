import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { pino } from 'pino';
import { inject } from 'vitest';
import { createReplayer } from '../../src/audit/replayer.ts';
import { Aegrail, type Session, type StartOptions } from '../../src/client.ts';
import { dataConverter } from '../../src/bundle/workflow-file.ts';
import { openPayloadCodec } from '../../src/codec/setting.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { ContractFileInput } from '../../src/config/schema.ts';
import type { ChainedRecord } from '../../src/core/record.ts';
import { type ModelEndpoint, type Script, startModelEndpoint } from '../../src/model-endpoint/index.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { type AegrailWorker, createWorker } from '../../worker.ts';
import { checkFamilies, checkSession, replayAccount } from './check-session.ts';
import { quietRuntime } from './quiet.ts';

/** What a test runs sessions in. */
export interface StackOptions {
  readonly script: Script;
  /** The contract file, without store and task queue: those are the stack's. Paths are relative to its folder. */
  readonly config: ContractFileInput;
  /** Files beside the contract file: tools.ts and the like. */
  readonly files?: Readonly<Record<string, string>>;
  /** Payload keys, `id:base64`: worker, client and replay encrypt with them. */
  readonly payloadKeys?: string;
  /** Another server than the shared one, for example a time-skipping one. */
  readonly address?: string;
  /** URL of a store that is shared with others, instead of a file of the stack's own. */
  readonly store?: string;
  /** More of the worker's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Task queue that is shared with others. */
  readonly taskQueue?: string;
}

/** A worker on a real Temporal server, with a real model endpoint and a store of its own. */
export interface Stack {
  readonly dir: string;
  readonly taskQueue: string;
  readonly client: Client;
  readonly aegrail: Aegrail;
  readonly endpoint: ModelEndpoint;
  readonly worker: AegrailWorker;
  readonly store: Store;
  start(input: Partial<StartOptions>): Promise<Session>;
  records(sessionId: string): Promise<ChainedRecord[]>;
  /** Replays every session that was started, checks its log, and lets go of everything. */
  close(): Promise<void>;
}

/** Starts a stack. Every session that it starts is checked when it is closed. */
export async function startStack(options: StackOptions): Promise<Stack> {
  quietRuntime();
  const dir = await mkdtemp(join(tmpdir(), 'aegrail-stack-'));
  const taskQueue = options.taskQueue ?? `test-${dir.slice(-6)}`;
  const storeUrl = options.store ?? 'sqlite:store.db';
  const { payloadKeys } = options;
  const encryption = payloadKeys === undefined ? {} : { encryption: { keysEnv: 'TEST_PAYLOAD_KEYS' } };
  const file = { ...options.config, ...encryption, store: storeUrl, taskQueue };
  await writeFile(join(dir, 'aegrail.json'), JSON.stringify(file));
  for (const [name, text] of Object.entries(options.files ?? {})) await writeFile(join(dir, name), text);
  const endpoint = await startModelEndpoint({ script: options.script });
  const address = options.address ?? inject('address');
  const connection = await NativeConnection.connect({ address });
  const config = await loadConfig('aegrail.json', dir);
  const keysEnv = { TEST_PAYLOAD_KEYS: payloadKeys };
  const codec = await openPayloadCodec(config.file.encryption, dir, keysEnv);
  const worker = await createWorker({
    connection,
    namespace: 'default',
    config,
    env: {
      ...keysEnv,
      PATH: process.env['PATH'],
      HOME: dir,
      OPENAI_BASE_URL: endpoint.openaiBaseUrl,
      OPENAI_API_KEY: 'test',
      ANTHROPIC_BASE_URL: endpoint.anthropicBaseUrl,
      ANTHROPIC_API_KEY: 'test',
      ...options.env,
    },
    logger: pino({ level: 'silent' }),
    // The shared bundle leaves failures in clear: with a codec the worker makes its own.
    ...(codec ? {} : { workflowBundle: { code: readFileSync(inject('bundlePath'), 'utf8') } }),
  });
  const running = worker.run();
  const clientConnection = await Connection.connect({ address });
  const client = new Client({
    connection: clientConnection,
    ...(codec ? { dataConverter: dataConverter(codec) } : {}),
  });
  const aegrail = new Aegrail(client, { taskQueue });
  const store = await openStore(storeUrl, dir);
  const started = new Set<string>();
  const records = (sessionId: string): Promise<ChainedRecord[]> => Array.fromAsync(store.records(sessionId));
  return {
    dir,
    taskQueue,
    client,
    aegrail,
    endpoint,
    worker,
    store,
    records,
    async start(input) {
      const session = await aegrail.start({ agent: 'bot', user: 'ann@acme.com', input: 'Hello.', ...input });
      started.add(session.id);
      return session;
    },
    async close() {
      const replayer = createReplayer({ code: readFileSync(inject('bundlePath'), 'utf8') }, codec);
      const logs: ChainedRecord[][] = [];
      // A set that grows while it is gone through: sessions of sub-agents are checked as those above them.
      for (const id of started) {
        const log = await records(id);
        await checkSession(client, id, log, codec, replayer);
        for (const child of agentSessions(log)) started.add(child);
        logs.push(log);
      }
      if (logs.length > 0) await checkFamilies(logs);
      for (const name of accountsOf(logs)) await replayAccount(client, name, replayer);
      await replayer.close();
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

/** The sessions of sub-agents that a log has the end of: those that were started have a log themselves. */
function agentSessions(log: readonly ChainedRecord[]): string[] {
  return log.flatMap(({ event, payload }) =>
    event === 'tool_call' && payload.agent && payload.agent.outcome !== 'none' ? [payload.agent.session_id] : [],
  );
}

/** The accounts that logs have leases of. */
function accountsOf(logs: readonly (readonly ChainedRecord[])[]): ReadonlySet<string> {
  const leased = logs.flat().filter((record) => record.event === 'account_leased');
  return new Set(leased.map(({ payload }) => payload.account));
}

/** A contract file with one agent, `bot`. */
export function botConfig(
  agent: Partial<ContractFileInput['agents'][string]>,
  rest: Partial<ContractFileInput> = {},
): ContractFileInput {
  // A scripted model goes by what the user said last: it is not told of its budget unless a test wants it.
  const bot = {
    model: 'openai/gpt-5.4-mini',
    limits: { usd: 1, wallSeconds: 600 },
    budget: { softLimit: 0 },
    ...agent,
  };
  return { agents: { bot }, ...rest };
}

/** Source of a module with tools, for a contract file in a temporary folder: imports by absolute file URL. */
export function toolsModule(body: string): string {
  const at = (path: string): string => JSON.stringify(new URL(`../../${path}`, import.meta.url).href);
  return `import { defineTool } from ${at('src/tools/define.ts')};\nimport { z } from ${at('node_modules/zod/index.js')};\n${body}\n`;
}
