import type { Command } from 'commander';
import type { ServerChoice } from '../temporal/settings.ts';
import { EXIT } from './exit-codes.ts';
import type { Invocation } from './invocation.ts';
import { withExample, withJson, withServer } from './options.ts';
import { waitingFor } from './waiting.ts';
import { withClient } from './with-client.ts';

interface Options extends ServerChoice {
  readonly json?: true;
}

/** Adds `aegrail schedule trigger`. */
export function addScheduleTrigger(parent: Command, { terminal, endWith }: Invocation): void {
  const command = parent
    .command('trigger')
    .description('start a session of a schedule now, whether one runs or not, and print its id')
    .argument('<name>', 'the schedule')
    .action((name: string, { json, ...choice }: Options) =>
      withClient(choice, terminal, async ({ aegrail }) => {
        const sessionId = await waitingFor(aegrail.schedules.trigger(name), 'its session', terminal);
        if (sessionId === null) endWith(EXIT.bad);
        if (json) return terminal.line(JSON.stringify({ name, sessionId }));
        if (sessionId === null)
          return terminal.say(`It is triggered; see its session with: aegrail schedule show ${name}`);
        return terminal.line(sessionId);
      }),
    );
  withServer(command);
  withJson(command, 'one JSON document');
  withExample(command, 'aegrail schedule trigger report');
}
