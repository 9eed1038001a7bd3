import { resolve } from 'node:path';
import { Client } from '@temporalio/client';
import { DefaultLogger, type NativeConnection, Worker } from '@temporalio/worker';
import type { Logger } from 'pino';
import { watchAncestors } from './activities/ancestors.ts';
import { createAuthority } from './activities/authority.ts';
import { createContractBook } from './activities/contracts.ts';
import { createActivities } from './activities/create.ts';
import { admissionInterceptor } from './activities/interceptors.ts';
import { readKillSwitches } from './activities/kill-switches.ts';
import { bundleWorkflows, isForCodec } from './src/bundle/bundle.ts';
import { dataConverter } from './src/bundle/workflow-file.ts';
import { accountsThrough } from './src/client/bank.ts';
import { openPayloadCodec } from './src/codec/setting.ts';
import { deploymentFrom, type Env, providersFrom, secretsFrom } from './src/config/environment.ts';
import type { LoadedConfig } from './src/config/load.ts';
import { resolveContracts } from './src/config/resolve.ts';
import { canonicalJson } from './src/core/canonical.ts';
import type { PinnedContract } from './src/core/contract.ts';
import { AegrailError, messageOf } from './src/core/errors.ts';
import { openNotary } from './src/notary/open.ts';
import { AEGRAIL_VERSION, DEFAULT_TASK_QUEUE, RECORD_SINK } from './src/protocol.ts';
import { languageModel, type Providers } from './src/providers/registry.ts';
import { openSinks } from './src/sinks/open.ts';
import { createFanout } from './src/sinks/fanout.ts';
import { openStore } from './src/store/open.ts';
import { watchSearchable } from './src/temporal/watch-searchable.ts';
import { createSessionLookup } from './src/temporal/session-lookup.ts';
import { createMcpPool } from './src/tools/mcp.ts';
import { createToolbox } from './src/tools/toolbox.ts';

/** Longest that a worker which shuts down waits for calls in flight. */
const SHUTDOWN_GRACE_MS = 10_000;

/** What a worker is made from. */
export interface WorkerOptions {
  readonly connection: NativeConnection;
  readonly namespace: string;
  readonly config: LoadedConfig;
  readonly env: Env;
  readonly logger: Logger;
  /** A bundle that was made before; otherwise it is made now, which takes seconds. */
  readonly workflowBundle?: { readonly code: string };
}

/** A worker, and what it has to let go of. */
export interface AegrailWorker {
  readonly contracts: readonly PinnedContract[];
  readonly taskQueue: string;
  /** Runs until {@link stop}. */
  run(): Promise<void>;
  /** Takes no more work, waits for what is in flight, closes store, sinks and tools. */
  stop(): void;
  /** Has the sinks let go of their files and open them anew: they may have been moved away. Returns at once, never throws. */
  reopenSinks(): void;
}

/** Wires configuration to dependencies to Worker.create. @throws AegrailError CONFIG_INVALID */
export async function createWorker(options: WorkerOptions): Promise<AegrailWorker> {
  const { connection, namespace, config, env, logger } = options;
  const { file, source } = config;
  const authority = file.trustedContractKeys ? createAuthority(file.trustedContractKeys) : null;
  const codec = await openPayloadCodec(file.encryption, source.baseDir, env);
  const version = deploymentFrom(env);
  const clientInfo = { name: 'aegrail', version: AEGRAIL_VERSION };
  const pool = createMcpPool(file.mcpServers, { logger, env, baseDir: source.baseDir, clientInfo });
  const toolbox = createToolbox(source.baseDir, pool, secretsFrom(env));
  const providers = providersFrom(env, file.providers);
  const contracts = await resolveContracts(config, { toolbox, providers, at: new Date() }).catch(
    async (thrown: unknown) => {
      await toolbox.close();
      throw thrown;
    },
  );
  warnOfMissingKeys(contracts, providers, logger);
  const store = await openStore(file.store, source.baseDir, env, (why) => logger.warn(why));
  for (const { contract } of contracts) await store.putContract(canonicalJson(contract));
  const fanout = createFanout(openSinks(file.sinks, source.baseDir, env), { logger });
  const publish = (note: string): void => fanout.publishCheckpoint(note);
  const notary = file.signing && openNotary(config, { store, env, publish, logger });
  const book = createContractBook(contracts, store);
  const switches = readKillSwitches(store.switches);
  const sessions = createSessionLookup(new Client({ connection, namespace, dataConverter: dataConverter(codec) }));
  const ancestors = watchAncestors(sessions);
  const taskQueue = file.taskQueue ?? DEFAULT_TASK_QUEUE;
  const predicates = file.predicates === undefined ? undefined : resolve(source.baseDir, file.predicates);
  const converter = dataConverter(codec);
  const bank = accountsThrough(new Client({ connection, namespace, dataConverter: converter }));
  const worker = await Worker.create({
    connection,
    namespace,
    taskQueue,
    workflowBundle: await bundleOf(options, predicates),
    dataConverter: converter,
    activities: createActivities({
      store,
      contracts: book,
      authority,
      switches,
      searchable: watchSearchable(connection, namespace, codec !== undefined),
      sessions,
      bank,
      toolbox,
      logger,
      model: (contract) => languageModel(providers, contract),
    }),
    // Only a replay listens to records; without an entry the SDK would complain of each.
    sinks: { [RECORD_SINK]: { made: { fn: () => {}, callDuringReplay: false } } },
    interceptors: {
      activity: [
        () => ({
          inbound: admissionInterceptor({ store, contracts: book, authority, switches, ancestors, fanout, logger }),
        }),
      ],
    },
    // A session stays with the version that it began on, and moves to the next one between two steps (workflows/carry.ts).
    ...(version && {
      workerDeploymentOptions: { version, useWorkerVersioning: true, defaultVersioningBehavior: 'PINNED' },
    }),
    // Throttled heartbeats are late cancellations.
    maxHeartbeatThrottleInterval: 1_000,
    defaultHeartbeatThrottleInterval: 1_000,
    shutdownGraceTime: SHUTDOWN_GRACE_MS,
    shutdownForceTime: 2 * SHUTDOWN_GRACE_MS,
  });
  return {
    contracts,
    taskQueue,
    async run() {
      try {
        notary?.start();
        await worker.run();
      } finally {
        await toolbox.close();
        // The last checkpoint goes to the sinks too.
        await notary?.stop();
        await fanout.close(SHUTDOWN_GRACE_MS);
        await store.close();
      }
    },
    stop: () => worker.shutdown(),
    reopenSinks: () => fanout.reopen(),
  };
}

/** The bundle that was made before, or a new one. One that leaves failures in clear does not go with a codec. */
async function bundleOf(
  { workflowBundle, config }: WorkerOptions,
  predicates?: string,
): Promise<{ readonly code: string }> {
  const encrypted = config.file.encryption !== undefined;
  const bundle =
    workflowBundle ?? (await bundleWorkflows({ predicates, encrypted, logger: new DefaultLogger('ERROR') }));
  if (!encrypted || isForCodec(bundle)) return bundle;
  throw new AegrailError(
    'CONFIG_INVALID',
    'The workflow bundle was made without encryption, and the contract file has it.',
  );
}

/** A worker without a key for one of its agents still runs the others. */
function warnOfMissingKeys(contracts: readonly PinnedContract[], providers: Providers, logger: Logger): void {
  for (const { contract } of contracts) {
    try {
      languageModel(providers, contract.model);
    } catch (thrown) {
      logger.warn({ agent: contract.agent }, `${messageOf(thrown)} Until then the sessions of ${contract.agent} fail.`);
    }
  }
}
