import type { Command } from 'commander';
import type { ServerChoice } from '../temporal/settings.ts';
import { EXIT } from './exit-codes.ts';
import type { Invocation } from './invocation.ts';
import { withExample, withJson, withServer } from './options.ts';
import { describeSession } from './session-state.ts';
import { withClient } from './with-client.ts';

interface Options extends ServerChoice {
  readonly json?: true;
}

/** Adds `aegrail end`. */
export function addEnd(program: Command, { terminal, endWith }: Invocation): void {
  const command = program
    .command('end')
    .description('end a session that was started with --conversation, after the turn that runs')
    .argument('<id>', 'the session')
    .action(async (id: string, { json, ...choice }: Options) =>
      withClient(choice, terminal, async ({ aegrail }) => {
        const session = aegrail.session(id);
        const { state } = await describeSession(session);
        const isRunning = state === 'running';
        if (isRunning) await session.end();
        else if (state !== 'answered') endWith(EXIT.bad);
        if (json) return terminal.line(JSON.stringify({ sessionId: id, requested: isRunning, state }));
        return terminal.line(isRunning ? `ending ${id}` : `${id} is over already: ${state}`);
      }),
    );
  withServer(command);
  withJson(command, 'one JSON document');
  withExample(command, 'aegrail end sess_1795000000000_3f2a9c81d4e7');
}
