import { AegrailError } from '../core/errors.ts';
import type { ServerChoice } from '../temporal/settings.ts';
import { readConfigIfThere } from './config.ts';
import { payloadCodecFor } from './payload-codec.ts';
import { describeSession } from './session-state.ts';
import type { Terminal } from './terminal.ts';
import { withClient } from './with-client.ts';

/** Which history, and how the code that replays it is made. */
export interface HistoryChoice extends ServerChoice {
  readonly config?: string;
  readonly logLevel: string;
}

/** A session's log, made again from its workflow history. @throws AegrailError LOG_INVALID, SESSION_UNKNOWN */
export async function* historyLines(
  id: string,
  choice: HistoryChoice,
  terminal: Terminal,
): AsyncGenerator<string, void, undefined> {
  // Its predicates are part of the workflow's code.
  const config = await readConfigIfThere(choice.config, terminal.cwd);
  const histories = await withClient(choice, terminal, async ({ client, aegrail }) => {
    await describeSession(aegrail.session(id));
    const { fetchHistories } = await import('../temporal/histories.ts');
    return fetchHistories(client, id);
  });
  const [{ workflowBundle }, { regenerateLog }, { installRuntime }, { stderrLogger }] = await Promise.all([
    import('./workflow-bundle.ts'),
    import('../audit/regenerate.ts'),
    import('../temporal/runtime.ts'),
    import('./logger.ts'),
  ]);
  installRuntime(stderrLogger(choice.logLevel));
  const codec = await payloadCodecFor(choice.config, terminal);
  terminal.say('making the log again from the workflow history');
  const bundle = await workflowBundle(config, codec !== undefined, terminal);
  const lines = await regenerateLog(bundle, histories, id, { codec });
  if (lines.length === 0)
    throw new AegrailError('LOG_INVALID', `The session ${id} has no records: it failed before it was opened.`);
  yield* lines;
}
