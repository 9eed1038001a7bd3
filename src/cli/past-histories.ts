import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { PayloadCodec } from '@temporalio/common';
import type { LoadedConfig } from '../config/load.ts';
import { AegrailError, messageOf } from '../core/errors.ts';
import { runIdsOf } from '../core/run-ids.ts';
import { payloadCodecFor } from './payload-codec.ts';
import type { HistoryChoice } from './history-lines.ts';
import { describeSession } from './session-state.ts';
import type { Terminal } from './terminal.ts';
import { withClient } from './with-client.ts';

/** A session's histories, and what it takes to replay them. */
export interface Past {
  readonly sessionId: string;
  /** Of its runs, the first one first: one, unless it was reset. */
  readonly histories: readonly unknown[];
  readonly codec: PayloadCodec | undefined;
  readonly bundle: { readonly code: string };
}

/**
 * Fetches a session's histories, or reads them from files, and bundles the code that replays them.
 *
 * @param named a session's id, or one file for each of its runs
 * @param config its predicates are part of the workflow's code
 * @throws AegrailError CONFIG_INVALID, SESSION_UNKNOWN, LOG_INVALID, SERVER_UNREACHABLE
 */
export async function readPast(
  named: readonly string[],
  config: LoadedConfig | null,
  choice: HistoryChoice,
  terminal: Terminal,
): Promise<Past> {
  const [first = ''] = named;
  const isFile = (name: string): boolean => name.endsWith('.json') || existsSync(resolve(terminal.cwd, name));
  const other = named.find((name) => !isFile(name));
  if (named.length > 1 && other !== undefined)
    throw new AegrailError(
      'INPUT_INVALID',
      `Give one session, or the histories of its runs: there is no file ${other}.`,
    );
  const codec = await payloadCodecFor(choice.config, terminal);
  const { sessionId, histories } =
    other === undefined ? await fromFiles(named, terminal) : await fromServer(first, choice, terminal);
  const [{ workflowBundle }, { installRuntime }, { stderrLogger }] = await Promise.all([
    import('./workflow-bundle.ts'),
    import('../temporal/runtime.ts'),
    import('./logger.ts'),
  ]);
  installRuntime(stderrLogger(choice.logLevel));
  terminal.say('making the log again from the workflow history');
  const bundle = await workflowBundle(config, codec !== undefined, terminal);
  return { sessionId, histories, codec, bundle };
}

type Found = Pick<Past, 'sessionId' | 'histories'>;

async function fromServer(id: string, choice: HistoryChoice, terminal: Terminal): Promise<Found> {
  const histories = await withClient(choice, terminal, async ({ client, aegrail }) => {
    await describeSession(aegrail.session(id));
    const { fetchHistories } = await import('../temporal/histories.ts');
    return fetchHistories(client, id);
  });
  return { sessionId: id, histories };
}

async function fromFiles(names: readonly string[], terminal: Terminal): Promise<Found> {
  const [{ parseHistory }, { sessionIdOf }] = await Promise.all([
    import('../audit/history-json.ts'),
    import('../audit/asked-in-history.ts'),
  ]);
  const read: { readonly name: string; readonly id: string; readonly history: unknown }[] = [];
  for (const name of names) {
    const history = parseHistory(await textOf(name, terminal.cwd), name);
    read.push({ name, id: sessionIdOf(history, name), history });
  }
  const ids = new Map(read.map(({ history }) => [runIdsOf(history).own, runIdsOf(history)]));
  // A run comes after those that it was reset from, and after the one that continued as it.
  // Histories may be anybody's: one that is its own past is no deeper for it.
  const depthOf = (runId: string, seen: ReadonlySet<string> = new Set()): number => {
    const run = ids.get(runId);
    if (!run || seen.has(runId)) return 0;
    return 1 + run.bases.length + depthOf(run.before, new Set([...seen, runId]));
  };
  read.sort((a, b) => depthOf(runIdsOf(a.history).own) - depthOf(runIdsOf(b.history).own));
  const sessionId = read[0]?.id ?? '';
  const alien = read.find(({ id }) => id !== sessionId);
  if (alien)
    throw new AegrailError('INPUT_INVALID', `${alien.name} is of the session ${alien.id}, and not of ${sessionId}.`);
  const histories = read.map(({ history }) => history);
  refuseMissingRuns(histories);
  return { sessionId, histories };
}

function refuseMissingRuns(histories: readonly unknown[]): void {
  const runs = new Set(histories.map((history) => runIdsOf(history).own));
  const needed = histories.flatMap((history) => [...runIdsOf(history).bases, runIdsOf(history).before]);
  const missing = needed.find((runId) => runId !== '' && !runs.has(runId));
  if (missing === undefined) return;
  throw new AegrailError(
    'INPUT_INVALID',
    `The session was reset or went on in another run, and what came before is in another history: give that of its run ${missing} too (temporal workflow show -w ID -r ${missing} -o json), or the session's id.`,
  );
}

async function textOf(name: string, cwd: string): Promise<string> {
  try {
    return await readFile(resolve(cwd, name), 'utf8');
  } catch (thrown) {
    const isMissing = (thrown as NodeJS.ErrnoException).code === 'ENOENT';
    const why = isMissing ? `There is no file ${name}.` : `${name} can not be read: ${messageOf(thrown)}`;
    throw new AegrailError('CONFIG_INVALID', why, { cause: thrown });
  }
}
