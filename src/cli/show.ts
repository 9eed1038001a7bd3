import type { Command } from 'commander';
import type { Session } from '../client.ts';
import { AegrailError, messageOf } from '../core/errors.ts';
import type { SessionResult, SessionView } from '../protocol.ts';
import type { ServerChoice } from '../temporal/settings.ts';
import { ask, type Answered } from './ask.ts';
import { endLine } from './end-of-session.ts';
import type { Invocation } from './invocation.ts';
import { ledgerTable } from './ledger-lines.ts';
import { withExample, withJson, withServer } from './options.ts';
import { recordLine } from './record-line.ts';
import { describeSession, type ListedSession } from './session-state.ts';
import { treeLines, treeOf } from './session-tree.ts';
import type { Terminal } from './terminal.ts';
import { moment, printable } from './text.ts';
import { withClient } from './with-client.ts';

interface Options extends ServerChoice {
  readonly tree?: true;
  readonly json?: true;
}

/** Adds `aegrail show`. */
export function addShow(program: Command, { terminal }: Invocation): void {
  const command = program
    .command('show')
    .description('show one session: who, its ledger, its result, its last records')
    .argument('<id>', 'the session')
    .option('--tree', 'show the sessions below it: those of its sub-agents')
    .action((id: string, options: Options) => show(id, options, terminal));
  withServer(command);
  withJson(command, 'one JSON document');
  withExample(command, 'aegrail show sess_1795000000000_3f2a9c81d4e7');
}

/** All that is known of a session. What no worker could tell is null. */
interface Shown {
  readonly session: ListedSession;
  readonly view: SessionView | null;
  readonly result: SessionResult | null;
  /** Why it failed, when it did without a result of its own. */
  readonly failure: { readonly code: string; readonly message: string } | null;
}

async function show(id: string, { json, tree, ...choice }: Options, terminal: Terminal): Promise<void> {
  await withClient(choice, terminal, async ({ client, aegrail }) => {
    const session = aegrail.session(id);
    const described = await describeSession(session);
    if (tree) {
      const grown = await treeOf(client, aegrail, described);
      if (json) return terminal.line(JSON.stringify(grown));
      for (const line of treeLines(grown)) await terminal.line(printable(line));
      return;
    }
    const [answered, ended] = await Promise.all([ask(session), endOf(session, described)]);
    const view = 'view' in answered ? answered.view : null;
    const shown: Shown = { session: described, view, result: view?.result ?? null, failure: null, ...ended };
    if (json) return terminal.line(JSON.stringify(shown));
    for (const line of lines(shown, answered)) await terminal.line(line);
  });
}

async function endOf(session: Session, { state }: ListedSession): Promise<Partial<Shown>> {
  if (state === 'running') return {};
  try {
    return { result: await session.result() };
  } catch (thrown) {
    const code = thrown instanceof AegrailError ? thrown.code : 'SESSION_LOST';
    return { failure: { code, message: messageOf(thrown) } };
  }
}

function lines({ session, view, result, failure }: Shown, answered: Answered): string[] {
  const { id, agent, user, state, reason, startedAt, endedAt } = session;
  // Temporal's word, because one that was terminated has no result of its own.
  const clockMs = endedAt === null ? Date.now() : Date.parse(endedAt);
  const doing = view && state === 'running' ? `, ${view.doing}` : '';
  const out = [
    `session    ${id}`,
    `principal  ${view?.principal.id ?? result?.principal ?? `not known, agent ${agent ?? '?'}`}`,
    `user       ${view?.principal.user ?? user ?? 'not known'}`,
    ...(view ? [`model      ${view.model}`] : []),
    `state      ${reason === null ? state : `${state} (${reason})`}${doing}`,
    `started    ${moment(new Date(startedAt))} UTC${endedAt === null ? '' : `, ended ${moment(new Date(endedAt))} UTC`}`,
  ].map((line) => printable(line));
  if (view) out.push('', ...ledgerTable(view, clockMs), '', ...view.records.map(recordLine));
  else if (result)
    out.push(
      '',
      `used       ${result.budget.usd_used} USD, ${result.budget.tokens_used} tokens, ${result.budget.tool_calls} tool calls`,
    );
  if (result?.answer) out.push('', printable(result.answer, true));
  else if (result) out.push('', printable(endLine(result)));
  if (failure) out.push('', printable(`${failure.code}: ${failure.message}`, true));
  if ('silent' in answered && failure === null) out.push('', silentLine(answered.silent, session));
  return out;
}

function silentLine(why: 'opening' | 'no worker', { taskQueue, state }: ListedSession): string {
  const what = state === 'running' ? 'The ledger and the records are' : 'The records are';
  if (why === 'opening') return `${what} not there yet: no worker has opened the session.`;
  return `${what} not available: no worker on task queue ${taskQueue} answered.`;
}
