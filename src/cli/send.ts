import { randomUUID } from 'node:crypto';
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import type { ServerChoice } from '../temporal/settings.ts';
import { EXIT } from './exit-codes.ts';
import type { Invocation } from './invocation.ts';
import { withExample, withJson, withServer } from './options.ts';
import { describeSession } from './session-state.ts';
import { waitingFor } from './waiting.ts';
import { printable } from './text.ts';
import { withClient } from './with-client.ts';

interface Options extends ServerChoice {
  readonly messageId?: string;
  readonly answer: boolean;
  readonly json?: true;
}

/** Adds `aegrail send`. */
export function addSend(program: Command, invocation: Invocation): void {
  const command = program
    .command('send')
    .description(
      'say something to a session that was started with --conversation, and print its answer; exit code 1 when it ended without one',
    )
    .argument('<id>', 'the session')
    .argument('<text>', 'what to say, or - for stdin')
    .option('--message-id <id>', 'the same id twice is one message (otherwise one is made up)')
    .option('--no-answer', "don't wait: it is read as soon as a worker is up")
    .action((id: string, said: string, options: Options) => send(id, said, options, invocation));
  withServer(command);
  withJson(command, 'one JSON document');
  withExample(command, 'aegrail send sess_1795000000000_3f2a9c81d4e7 "And the other order?"');
}

async function send(
  id: string,
  said: string,
  { messageId, answer, json, ...choice }: Options,
  { terminal, endWith }: Invocation,
): Promise<void> {
  const message = said === '-' ? await text(process.stdin) : said;
  const known = { id: messageId ?? randomUUID() };
  await withClient(choice, terminal, async ({ aegrail }) => {
    const session = aegrail.session(id);
    await describeSession(session);
    if (!answer) {
      const posted = await session.post(message, known);
      return terminal.line(json ? JSON.stringify({ sessionId: id, messageId: posted }) : posted);
    }
    const reply = await waitingFor(
      session.send(message, known),
      `its answer (Ctrl-C leaves it to the session; the same with --message-id ${known.id} asks for it again)`,
      terminal,
    );
    if (reply.outcome !== 'answered') endWith(EXIT.bad);
    if (json) return terminal.line(JSON.stringify({ sessionId: id, ...reply }));
    if (reply.answer === null) return terminal.say(printable(`${reply.outcome}: ${reply.why}`));
    return terminal.line(process.stdout.isTTY ? printable(reply.answer, true) : reply.answer);
  });
}
