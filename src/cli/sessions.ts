import { type Command, Option } from 'commander';
import { formatUsd, NANO_PER_USD } from '../core/units.ts';
import type { ServerChoice } from '../temporal/settings.ts';
import type { Invocation } from './invocation.ts';
import { count, withExample, withJson, withServer } from './options.ts';
import { fits, LISTED_STATES, type SessionFilter, sessionQuery } from './session-query.ts';
import { listedSession, type ListedSession } from './session-state.ts';
import { table } from './table.ts';
import type { Terminal } from './terminal.ts';
import { moment } from './text.ts';
import { withClient } from './with-client.ts';

interface Options extends ServerChoice, SessionFilter {
  readonly limit: number;
  readonly json?: true;
}

/** Adds `aegrail sessions`. */
export function addSessions(program: Command, { terminal }: Invocation): void {
  const command = program
    .command('sessions')
    .description('list sessions: those that run, then those that ended, the last first')
    .option('--limit <number>', 'at most so many', count, 20)
    .option('--agent <name>', 'only those of one agent')
    .option('--user <user>', 'only those for one user')
    .addOption(
      new Option(
        '--state <state>',
        'only those that are so: running ones by what they do, others by how they ended',
      ).choices(LISTED_STATES),
    )
    .action((options: Options) => sessions(options, terminal));
  withServer(command);
  withJson(command, 'a line of JSON for each session');
  withExample(command, 'aegrail sessions --agent support-bot --limit 5', 'aegrail sessions --state approval');
}

async function sessions(options: Options, terminal: Terminal): Promise<void> {
  await withClient(options, terminal, async ({ client, connection }) => {
    const rows: ListedSession[] = [];
    const { searchableIn } = await import('../temporal/search-attributes.ts');
    // Where they can't be looked up, what a list tells has to do.
    const searchable = await searchableIn(connection, client.options.namespace).catch(() => []);
    const query = sessionQuery(options, searchable);
    for await (const info of client.workflow.list({ query, pageSize: Math.min(1_000, Math.max(100, options.limit)) })) {
      const row = listedSession(info);
      if (!fits(row, options)) continue;
      rows.push(row);
      if (rows.length === options.limit) break;
    }
    if (options.json) for (const row of rows) await terminal.line(JSON.stringify(row));
    else if (rows.length === 0) terminal.say('There are no sessions.');
    else for (const line of table(COLUMNS, rows.map(cells))) await terminal.line(line);
  });
}

const COLUMNS = [
  { head: 'session' },
  { head: 'agent' },
  { head: 'user' },
  { head: 'state' },
  { head: 'started (UTC)' },
  { head: 'usd', align: 'right' },
] as const;

function cells({ id, agent, user, state, phase, reason, startedAt, usd }: ListedSession): string[] {
  const more = reason ?? (phase === 'running' ? null : phase);
  const usdCell = usd === null ? '' : formatUsd(Math.round(usd * NANO_PER_USD)).replace(' USD', '');
  return [
    id,
    agent ?? '?',
    user ?? '?',
    more === null ? state : `${state} (${more})`,
    moment(new Date(startedAt)),
    usdCell,
  ];
}
