import type { Command } from 'commander';
import type { PauseResult } from '../protocol.ts';
import type { ServerChoice } from '../temporal/settings.ts';
import { EXIT } from './exit-codes.ts';
import type { Invocation } from './invocation.ts';
import { withExample, withJson, withServer } from './options.ts';
import { describeSession } from './session-state.ts';
import { printable } from './text.ts';
import { waitingFor } from './waiting.ts';
import { withClient } from './with-client.ts';

interface Options extends ServerChoice {
  readonly by: string;
  readonly reason?: string;
  readonly wait: boolean;
  readonly json?: true;
}

/** Adds `aegrail pause`. */
export function addPause(program: Command, invocation: Invocation): void {
  addChange(
    program,
    invocation,
    'pause',
    'pause a session: what is in flight ends, and nothing more is begun until it is resumed; its wall clock goes on',
  );
}

/** Adds `aegrail resume`. */
export function addResume(program: Command, invocation: Invocation): void {
  addChange(program, invocation, 'resume', 'let a session go on that was paused');
}

function addChange(program: Command, invocation: Invocation, change: 'pause' | 'resume', description: string): void {
  const command = program
    .command(change)
    .description(description)
    .argument('<id>', 'the session')
    .requiredOption('--by <who>', 'who does it, for the log')
    .option('--reason <text>', 'why, for the log')
    .option('--no-wait', "don't wait: it is done as soon as a worker is up")
    .action((id: string, options: Options) => changed(change, id, options, invocation));
  withServer(command);
  withJson(command, 'one JSON document');
  withExample(command, `aegrail ${change} sess_1795000000000_3f2a9c81d4e7 --by bob@acme.com --reason "looked into"`);
}

async function changed(
  change: 'pause' | 'resume',
  id: string,
  { by, reason, wait, json, ...choice }: Options,
  { terminal, endWith }: Invocation,
): Promise<void> {
  await withClient(choice, terminal, async ({ aegrail }) => {
    const session = aegrail.session(id);
    const { state } = await describeSession(session);
    if (state !== 'running') {
      endWith(EXIT.bad);
      if (json) return terminal.line(JSON.stringify({ sessionId: id, requested: false, state }));
      return terminal.line(`${id} is over already: ${state}`);
    }
    const given = reason === undefined ? { by } : { by, reason };
    const asked = change === 'pause' ? session.pause(given, { wait }) : session.resume(given, { wait });
    const result = await waitingFor(asked, 'a worker (--no-wait leaves it to the next one that is up)', terminal);
    if (json) return terminal.line(JSON.stringify({ sessionId: id, requested: true, ...result }));
    return terminal.line(printable(lineOf(change, id, result)));
  });
}

function lineOf(change: 'pause' | 'resume', id: string, result: PauseResult | null): string {
  if (!result) return `${id} is told to ${change}`;
  const { outcome, changed: isChanged, by } = result;
  if (outcome === 'paused') return isChanged ? `${id} is paused` : `${id} was paused already, by ${by}`;
  return isChanged ? `${id} goes on` : `${id} was not paused`;
}
