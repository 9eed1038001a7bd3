import type { Command } from 'commander';
import type { ServerChoice } from '../temporal/settings.ts';
import { EXIT } from './exit-codes.ts';
import type { Invocation } from './invocation.ts';
import { withExample, withJson, withServer } from './options.ts';
import { describeSession } from './session-state.ts';
import { withClient } from './with-client.ts';

interface Options extends ServerChoice {
  readonly reason?: string;
  readonly json?: true;
}

/** Adds `aegrail cancel`. */
export function addCancel(program: Command, invocation: Invocation): void {
  const command = program
    .command('cancel')
    .description('cancel a session: what is in flight is stopped, and recorded; the same as Cancel in the Temporal UI')
    .argument('<id>', 'the session')
    .option('--reason <text>', "why, for Temporal's history")
    .action((id: string, options: Options) => cancel(id, options, invocation));
  withServer(command);
  withJson(command, 'one JSON document');
  withExample(command, 'aegrail cancel sess_1795000000000_3f2a9c81d4e7 --reason "asked for by the customer"');
}

async function cancel(
  id: string,
  { reason, json, ...choice }: Options,
  { terminal, endWith }: Invocation,
): Promise<void> {
  await withClient(choice, terminal, async ({ aegrail }) => {
    const session = aegrail.session(id);
    const { state } = await describeSession(session);
    const isRunning = state === 'running';
    if (isRunning) await session.cancel(reason);
    // Cancelled twice is cancelled; an answer can't be taken back.
    if (!isRunning && state !== 'cancelled') endWith(EXIT.bad);
    if (json) return terminal.line(JSON.stringify({ sessionId: id, requested: isRunning, state }));
    return terminal.line(isRunning ? `cancelling ${id}` : `${id} is over already: ${state}`);
  });
}
