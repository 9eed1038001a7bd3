import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { type Command, Option } from 'commander';
import type { Session, StartOptions } from '../client.ts';
import { AegrailError, messageOf } from '../core/errors.ts';
import type { LimitsInput } from '../core/start-input.ts';
import type { ServerChoice } from '../temporal/settings.ts';
import { chat } from './chat.ts';
import { readConfigIfThere } from './config.ts';
import { readNoteFile } from './contract-file.ts';
import { endLine, exitCodeOfEnd } from './end-of-session.ts';
import { EXIT } from './exit-codes.ts';
import { follow, Interrupted, silence } from './follow.ts';
import type { Invocation } from './invocation.ts';
import { ledgerLine } from './ledger-lines.ts';
import { limitsOf, withLimits } from './limit-options.ts';
import { withConfig, withExample, withJson, withServer } from './options.ts';
import { listenForStop } from './stop-signals.ts';
import type { Terminal } from './terminal.ts';
import { printable } from './text.ts';
import { withClient } from './with-client.ts';

interface Options extends ServerChoice, LimitsInput {
  readonly user: string;
  readonly input?: string;
  readonly inputFile?: string;
  readonly agentVersion?: string;
  readonly session?: string;
  readonly account?: string;
  readonly authorization?: string;
  readonly failOnKill?: true;
  readonly conversation?: true;
  readonly config?: string;
  readonly taskQueue?: string;
  readonly wait?: true;
  readonly interactive?: true;
  readonly json?: true;
}

/** Adds `aegrail start`. */
export function addStart(program: Command, invocation: Invocation): void {
  const command = program
    .command('start')
    .description('start a session of an agent; the same --session twice is one session')
    .argument('<agent>', 'name of an agent in the contract file')
    .requiredOption('--user <user>', 'whom the agent works for')
    .option('--input <text>', 'the first message')
    .option('--input-file <file>', 'the first message, from a file, or from stdin with -')
    .option('--agent-version <version>', 'refuse any other version of the agent')
    .option('--session <id>', 'the id of the session (otherwise one is made up)')
    .option('--conversation', 'it goes on after its answer: say more with "aegrail send", end it with "aegrail end"')
    .option('--account <name>', 'one more account that it is on, beside those of its contract')
    .option('--authorization <file>', 'what "aegrail contract sign" wrote, for a worker that asks for it')
    .option('--fail-on-kill', 'a killed session fails in Temporal, instead of completing as killed')
    .option('--task-queue <name>', "task queue of the worker (the contract file's, or aegrail)")
    .option('--wait', 'follow the session and print its answer; exit code 1 when it did not answer')
    .addOption(
      new Option(
        '--interactive',
        'talk with it here, line by line: a conversation, without --input it begins with the first line; with --session of one that runs it goes on',
      ).conflicts(['wait', 'inputFile']),
    )
    .action((agent: string, options: Options) => start(agent, options, invocation));
  withLimits(command, 'lower the limit of');
  withConfig(command);
  withServer(command);
  withJson(command, "the session's id, or with --wait its result, or with --interactive a line for each answer,");
  withExample(
    command,
    'aegrail start support-bot --user ann@acme.com --input "Where is my order?" --usd 0.05 --wait',
    'aegrail start support-bot --user ann@acme.com --interactive',
  );
}

async function start(agent: string, options: Options, invocation: Invocation): Promise<void> {
  const { terminal } = invocation;
  const { interactive } = options;
  const input = interactive ? options.input : await firstMessage(options, terminal);
  const authorization = await authorizationOf(options, terminal);
  // The worker of the contract file polls no other.
  const taskQueue = options.taskQueue ?? (await readConfigIfThere(options.config, terminal.cwd))?.file.taskQueue;
  await withClient({ ...options, taskQueue }, terminal, async (clients) => {
    const begin = (text: string): Promise<Session> =>
      clients.aegrail.start(startOptions(agent, text, authorization, options));
    if (interactive) {
      const { user, session: id } = options;
      return chat(clients, { agent, user, id, input, start: begin }, options, invocation);
    }
    const session = await begin(input ?? '');
    if (options.wait) return waitFor(session, options, invocation);
    return terminal.line(options.json ? JSON.stringify({ sessionId: session.id }) : session.id);
  });
}

async function firstMessage({ input, inputFile }: Options, terminal: Terminal): Promise<string> {
  if (input !== undefined && inputFile !== undefined)
    throw new AegrailError('INPUT_INVALID', 'Give one of --input and --input-file.');
  if (input !== undefined) return input;
  if (inputFile === undefined)
    throw new AegrailError(
      'INPUT_INVALID',
      'Give the first message with --input TEXT, or --input-file FILE (- reads stdin).',
    );
  if (inputFile === '-') return text(process.stdin);
  try {
    return await readFile(resolve(terminal.cwd, inputFile), 'utf8');
  } catch (thrown) {
    throw new AegrailError('INPUT_INVALID', `--input-file can not be read: ${messageOf(thrown)}`, { cause: thrown });
  }
}

async function authorizationOf({ authorization }: Options, { cwd }: Terminal): Promise<string | undefined> {
  return authorization === undefined ? undefined : readNoteFile(resolve(cwd, authorization), authorization);
}

function startOptions(agent: string, input: string, authorization: string | undefined, options: Options): StartOptions {
  const { user, agentVersion, session, failOnKill } = options;
  const limits = limitsOf(options);
  return {
    agent,
    user,
    input,
    ...(agentVersion === undefined ? {} : { version: agentVersion }),
    ...(session === undefined ? {} : { session }),
    ...(options.account === undefined ? {} : { account: options.account }),
    ...(authorization === undefined ? {} : { authorization }),
    ...(failOnKill === undefined ? {} : { failOnKill }),
    ...(options.conversation === undefined && options.interactive === undefined ? {} : { conversation: true }),
    ...(limits === undefined ? {} : { limits }),
  };
}

async function waitFor(session: Session, { json }: Options, { terminal, endWith }: Invocation): Promise<void> {
  const stop = listenForStop(() => process.exit(EXIT.interrupted));
  if (!json && terminal.isLive) terminal.say(`session ${session.id}`);
  try {
    const result = await follow({
      session,
      stop: stop.signal,
      onView: (view) => (json ? undefined : terminal.live(ledgerLine(view, Date.now()))),
      onSilence: (why) => terminal.say(silence(why)),
    });
    terminal.endLive();
    endWith(exitCodeOfEnd(result));
    if (json) return await terminal.line(JSON.stringify(result));
    if (result.outcome !== 'answered') return terminal.say(`${endLine(result)} (session ${session.id})`);
    const answer = result.answer ?? '';
    await terminal.line(process.stdout.isTTY ? printable(answer, true) : answer);
  } catch (thrown) {
    if (!(thrown instanceof Interrupted)) throw thrown;
    terminal.say(
      `The session goes on. Follow it: aegrail watch ${session.id}. Cancel it: aegrail cancel ${session.id}`,
    );
    endWith(EXIT.interrupted);
  } finally {
    stop.release();
  }
}
