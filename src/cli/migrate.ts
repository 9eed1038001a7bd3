import type { MigrationResult } from '../core/migration.ts';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { canonicalJson } from '../core/canonical.ts';
import { AegrailError } from '../core/errors.ts';
import { formatUsd, usdToNano } from '../core/units.ts';
import type { Session } from '../client.ts';
import type { ServerChoice } from '../temporal/settings.ts';
import { ask } from './ask.ts';
import { readConfig } from './config.ts';
import { readNoteFile } from './contract-file.ts';
import type { Invocation } from './invocation.ts';
import { narrowedTo } from './narrowed.ts';
import { withConfig, withExample, withJson, withServer } from './options.ts';
import type { Terminal } from './terminal.ts';
import { printable } from './text.ts';
import { waitingFor, WORKER } from './waiting.ts';
import { withClient } from './with-client.ts';
import { withStore } from './with-store.ts';

interface Options extends ServerChoice {
  readonly config?: string;
  readonly by: string;
  readonly reason?: string;
  readonly authorization?: string;
  readonly wait: boolean;
  readonly json?: true;
}

/** Adds `aegrail migrate`. */
export function addMigrate(program: Command, { terminal }: Invocation): void {
  const command = program
    .command('migrate')
    .summary('move a running session to its agent’s contract as the contract file has it now')
    .description(
      'move a running session to its agent’s contract as the contract file has it now: tools, rules, prices and limits. What was spent stays spent, what was topped up does not count any more. It is done between two steps of the session, and recorded',
    )
    .argument('<id>', 'the session')
    .requiredOption('--by <who>', 'who moves it, for the log')
    .option('--reason <text>', 'why, for the log')
    .option(
      '--authorization <file>',
      'what "aegrail contract sign" wrote of the new contract, for a worker that asks for it',
    )
    .option('--no-wait', "don't wait: it is done as soon as a worker is up")
    .action((id: string, options: Options) => migrate(id, options, terminal));
  withConfig(command);
  withServer(command);
  withJson(command, 'one JSON document');
  withExample(
    command,
    'aegrail migrate sess_1795000000000_3f2a9c81d4e7 --config aegrail.yaml --by bob@acme.com --reason "refunds up to 200"',
  );
}

async function migrate(id: string, options: Options, terminal: Terminal): Promise<void> {
  const { config, by, reason, authorization, wait, json, ...choice } = options;
  const note = authorization === undefined ? {} : { authorization: await noteOf(authorization, terminal) };
  await withClient({ ...choice, config }, terminal, async ({ aegrail }) => {
    const session = aegrail.session(id);
    const agent = await agentOf(session);
    const narrowed = narrowedTo(await readConfig(config, terminal.cwd), agent);
    const { agentContracts } = await import('./resolved.ts');
    const { own, called } = await agentContracts(narrowed, agent, terminal);
    const sha256 = await withStore(config, terminal, async (store) => {
      // It names the contracts of the agents below, which workers read from the store as well.
      for (const { contract } of called) await store.putContract(canonicalJson(contract));
      return store.putContract(canonicalJson(own.contract));
    });
    const asked = session.migrate({ sha256, by, ...(reason === undefined ? {} : { reason }), ...note }, { wait });
    const migrated = await waitingFor(asked, () => stepOf(session), terminal);
    if (json) return terminal.line(JSON.stringify({ sessionId: id, sha256, ...migrated }));
    return terminal.line(`${id}: ${wordsFor(sha256, migrated)}`);
  });
}

async function noteOf(path: string, { cwd }: Terminal): Promise<string> {
  return readNoteFile(resolve(cwd, path), path);
}

/** What a migration waits for: the step that runs, in the session's own words, or a worker. */
async function stepOf(session: Session): Promise<string> {
  const later = '(--no-wait leaves it to when it comes)';
  const answered = await ask(session).catch(() => null);
  if (answered && 'silent' in answered) return `${WORKER} ${later}`;
  const now = answered ? `, which is ${printable(answered.view.doing)}` : '';
  return `the end of the step that runs${now} ${later}`;
}

/** The agent's name, which Temporal knows: no worker is needed to ask. */
async function agentOf(session: Session): Promise<string> {
  const { memo } = await session.describe();
  const agent: unknown = memo?.['agent'];
  if (typeof agent === 'string') return agent;
  throw new AegrailError(
    'SESSION_UNKNOWN',
    `${session.id} is no session that has begun: Temporal knows no agent of it.`,
  );
}

function wordsFor(sha256: string, migrated: MigrationResult | null): string {
  const named = `the contract ${sha256.slice(0, 12)}…`;
  if (!migrated) return `told to go on under ${named}`;
  const { usd, tokens, wallSeconds, maxToolCalls } = migrated.limits;
  const limits = [
    ...(usd === undefined ? [] : [formatUsd(usdToNano(usd))]),
    ...(tokens === undefined ? [] : [`${tokens} tokens`]),
    ...(maxToolCalls === undefined ? [] : [`${maxToolCalls} tool calls`]),
    `${wallSeconds} s`,
  ];
  if (!migrated.changed) return `it is under ${named} already`;
  return `it goes on under ${named}, with ${limits.join(', ')} in all`;
}
