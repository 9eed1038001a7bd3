import type { Command } from 'commander';
import type { ListedSchedule } from '../client/schedules.ts';
import type { ServerChoice } from '../temporal/settings.ts';
import type { Invocation } from './invocation.ts';
import { withExample, withJson, withServer } from './options.ts';
import { table } from './table.ts';
import { moment } from './text.ts';
import { withClient } from './with-client.ts';

interface Options extends ServerChoice {
  readonly json?: true;
}

const COLUMNS = [
  { head: 'schedule' },
  { head: 'agent' },
  { head: 'user' },
  { head: 'cron' },
  { head: 'time zone' },
  { head: 'next (UTC)' },
] as const;

/** Adds `aegrail schedule ls`. */
export function addScheduleList(parent: Command, { terminal }: Invocation): void {
  const command = parent
    .command('ls')
    .description('list the schedules of sessions; a new one may take a moment to be listed')
    .action(({ json, ...choice }: Options) =>
      withClient(choice, terminal, async ({ aegrail }) => {
        const rows = await Array.fromAsync(aegrail.schedules.list());
        if (json) for (const row of rows) await terminal.line(JSON.stringify(row));
        else if (rows.length === 0) terminal.say('There are no schedules.');
        else for (const line of table(COLUMNS, rows.map(cells))) await terminal.line(line);
      }),
    );
  withServer(command);
  withJson(command, 'a line of JSON for each schedule');
  withExample(command, 'aegrail schedule ls');
}

function cells({ name, agent, user, cron, timezone, paused, nextAt }: ListedSchedule): string[] {
  const next = nextAt === null ? 'never' : moment(new Date(nextAt));
  return [name, agent ?? '?', user ?? '?', cron ?? '?', timezone ?? '?', paused ? 'paused' : next];
}
