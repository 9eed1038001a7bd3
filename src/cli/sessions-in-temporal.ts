import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { regenerateRecords } from '../audit/regenerate.ts';
import type { SessionsInTemporal } from '../audit/reconcile.ts';
import { openPayloadCodec } from '../codec/setting.ts';
import type { LoadedConfig } from '../config/load.ts';
import { hasEnded } from '../core/workflow-status.ts';
import { DEFAULT_TASK_QUEUE, SESSION_WORKFLOW } from '../protocol.ts';
import { fetchHistories } from '../temporal/histories.ts';
import { installRuntime } from '../temporal/runtime.ts';
import { stderrLogger } from './logger.ts';
import type { Terminal } from './terminal.ts';
import { workflowBundle } from './workflow-bundle.ts';

/** What reconciling asks of a Temporal namespace. The workflow bundle is made when the first history is replayed. */
export function sessionsInTemporal(
  client: Client,
  config: LoadedConfig,
  logLevel: string,
  terminal: Terminal,
): SessionsInTemporal {
  let bundle: Promise<{ readonly code: string }> | undefined;
  const bundled = (): Promise<{ readonly code: string }> => {
    installRuntime(stderrLogger(logLevel));
    terminal.say('making missing records again from workflow histories');
    return workflowBundle(config, config.file.encryption !== undefined, terminal);
  };
  return {
    async *closed() {
      // A namespace may have sessions of other workers, which have a store of their own.
      const taskQueue = config.file.taskQueue ?? DEFAULT_TASK_QUEUE;
      const query = `WorkflowType="${SESSION_WORKFLOW}" AND TaskQueue="${taskQueue}" AND ExecutionStatus!="Running"`;
      for await (const { workflowId, status } of client.workflow.list({ query })) {
        if (hasEnded(status.name)) yield workflowId;
      }
    },
    async stateOf(sessionId) {
      try {
        const { status } = await client.workflow.getHandle(sessionId).describe();
        return hasEnded(status.name) ? 'closed' : 'running';
      } catch (thrown) {
        if (thrown instanceof WorkflowNotFoundError) return 'unknown';
        throw thrown;
      }
    },
    histories: (sessionId) => fetchHistories(client, sessionId),
    async regenerate(histories, sessionId) {
      bundle ??= bundled();
      const codec = await openPayloadCodec(config.file.encryption, config.source.baseDir, terminal.env);
      return regenerateRecords(await bundle, histories, sessionId, { codec });
    },
  };
}
