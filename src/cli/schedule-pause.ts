import type { Command } from 'commander';
import type { OperatorInput } from '../core/operator-input.ts';
import type { ServerChoice } from '../temporal/settings.ts';
import type { Invocation } from './invocation.ts';
import { withExample, withJson, withServer } from './options.ts';
import { withClient } from './with-client.ts';

interface Options extends ServerChoice, OperatorInput {
  readonly json?: true;
}

/** Adds `aegrail schedule pause`. */
export function addSchedulePause(parent: Command, invocation: Invocation): void {
  addChange(parent, invocation, 'pause', 'start no sessions until it is resumed; one that runs goes on');
}

/** Adds `aegrail schedule resume`. */
export function addScheduleResume(parent: Command, invocation: Invocation): void {
  addChange(parent, invocation, 'resume', 'start sessions again; what was missed is not made up for');
}

function addChange(parent: Command, { terminal }: Invocation, change: 'pause' | 'resume', description: string): void {
  const command = parent
    .command(change)
    .description(description)
    .argument('<name>', 'the schedule')
    .requiredOption('--by <who>', 'who does it, for the note')
    .option('--reason <text>', 'why, for the note')
    .action((name: string, { by, reason, json, ...choice }: Options) =>
      withClient(choice, terminal, async ({ aegrail: { schedules } }) => {
        const given = reason === undefined ? { by } : { by, reason };
        await (change === 'pause' ? schedules.pause(name, given) : schedules.resume(name, given));
        const paused = change === 'pause';
        if (json) return terminal.line(JSON.stringify({ name, paused }));
        return terminal.line(`${name} ${paused ? 'is paused' : 'goes on'}`);
      }),
    );
  withServer(command);
  withJson(command, 'one JSON document');
  withExample(command, `aegrail schedule ${change} report --by bob@acme.com --reason "holidays"`);
}
