import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import type { SessionHistories } from '../audit/history-check.ts';
import { regenerateRecords } from '../audit/regenerate.ts';
import { createReplayer, type Replayer } from '../audit/replayer.ts';
import { AegrailError } from '../core/errors.ts';
import { fetchHistories } from '../temporal/histories.ts';
import { installRuntime } from '../temporal/runtime.ts';
import { readConfigIfThere } from './config.ts';
import type { HistoryChoice } from './history-lines.ts';
import { stderrLogger } from './logger.ts';
import { payloadCodecFor } from './payload-codec.ts';
import type { Terminal } from './terminal.ts';
import { workflowBundle } from './workflow-bundle.ts';

/** The histories of a Temporal namespace. The workflow bundle is made when the first one is replayed; `close` lets go of it. */
export function sessionHistories(
  client: Client,
  choice: HistoryChoice,
  terminal: Terminal,
): SessionHistories & { close(): Promise<void> } {
  let replayer: Promise<Replayer> | undefined;
  const makeReplayer = async (): Promise<Replayer> => {
    installRuntime(stderrLogger(choice.logLevel));
    terminal.say('making the logs again from workflow histories');
    // Its predicates are part of the workflow's code.
    const config = await readConfigIfThere(choice.config, terminal.cwd);
    const codec = await payloadCodecFor(choice.config, terminal);
    return createReplayer(await workflowBundle(config, codec !== undefined, terminal), codec);
  };
  return {
    async fetch(sessionId) {
      try {
        return await fetchHistories(client, sessionId);
      } catch (thrown) {
        if (isUnknown(thrown)) return { gone: 'Temporal does not know it, or not any more' };
        // An earlier run of a session that was reset.
        if (thrown instanceof AegrailError && thrown.code === 'LOG_INVALID') return { gone: thrown.message };
        throw thrown;
      }
    },
    async regenerate(histories, sessionId, reconciled) {
      replayer ??= makeReplayer();
      const codec = await payloadCodecFor(choice.config, terminal);
      return regenerateRecords(await replayer, histories, sessionId, { codec, reconciled });
    },
    async close() {
      await (await replayer)?.close();
    },
  };
}

/** gRPC's code for what is not there: a history that is asked for says so in the SDK's words or in the server's. */
const NOT_FOUND = 5;

function isUnknown(thrown: unknown): boolean {
  return thrown instanceof WorkflowNotFoundError || (thrown as { readonly code?: unknown } | null)?.code === NOT_FOUND;
}
