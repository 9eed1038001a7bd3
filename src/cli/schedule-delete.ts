import type { Command } from 'commander';
import type { ServerChoice } from '../temporal/settings.ts';
import type { Invocation } from './invocation.ts';
import { withExample, withJson, withServer } from './options.ts';
import { withClient } from './with-client.ts';

interface Options extends ServerChoice {
  readonly json?: true;
}

/** Adds `aegrail schedule delete`. */
export function addScheduleDelete(parent: Command, { terminal }: Invocation): void {
  const command = parent
    .command('delete')
    .description('delete a schedule; sessions that it started go on')
    .argument('<name>', 'the schedule')
    .action((name: string, { json, ...choice }: Options) =>
      withClient(choice, terminal, async ({ aegrail }) => {
        await aegrail.schedules.delete(name);
        return terminal.line(json ? JSON.stringify({ name, deleted: true }) : `${name} is deleted`);
      }),
    );
  withServer(command);
  withJson(command, 'one JSON document');
  withExample(command, 'aegrail schedule delete report');
}
