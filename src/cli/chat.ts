import type { Session } from '../client.ts';
import { AegrailError } from '../core/errors.ts';
import { formatUsd, NANO_PER_USD } from '../core/units.ts';
import type { Reply, SessionResult } from '../protocol.ts';
import { type ChatLines, chatLines } from './chat-lines.ts';
import { unlessStopped, waitForReply } from './chat-waits.ts';
import { endLine, exitCodeOfEnd } from './end-of-session.ts';
import { EXIT } from './exit-codes.ts';
import { Interrupted } from './follow.ts';
import type { Invocation } from './invocation.ts';
import { describeSession } from './session-state.ts';
import { listenForStop } from './stop-signals.ts';
import { printable } from './text.ts';
import type { Clients } from './with-client.ts';

/** What a chat begins with. */
export interface Opening {
  readonly agent: string;
  readonly user: string;
  /** The id of the session; undefined: one is made up. One that runs is gone on with. */
  readonly id: string | undefined;
  /** What is said first; undefined: the first line is. */
  readonly input: string | undefined;
  /** Starts the session with what is said first. */
  start(input: string): Promise<Session>;
}

/** A chat that goes on. */
interface Chat {
  readonly invocation: Invocation;
  readonly stop: AbortSignal;
  readonly json: boolean;
}

/** The word that ends the session. */
const END_WORD = '/end';

/** Talks with a session in the terminal, or through a pipe: one line is one message, each answer goes to stdout. */
export async function chat(
  clients: Clients,
  opening: Opening,
  { json }: { readonly json?: true },
  invocation: Invocation,
): Promise<void> {
  const { terminal, endWith } = invocation;
  const stop = listenForStop(() => process.exit(EXIT.interrupted));
  const chatting: Chat = { invocation, stop: stop.signal, json: json ?? false };
  const lines = chatLines();
  let session: Session | null = null;
  try {
    session = await runningSession(clients, opening);
    terminal.say(`one line is one message; ${END_WORD} or Ctrl-D ends the session, Ctrl-C leaves it running`);
    const text = opening.input ?? (session ? null : await nextLine(chatting, lines));
    if (!session && text === null) return terminal.say('Nothing was said, and no session was started.');
    const first = session ? sayer(session, text) : await begin(opening, text ?? '');
    session = first.session;
    terminal.say(`session ${session.id}`);
    await talk(chatting, session, lines, first.say);
  } catch (thrown) {
    if (!(thrown instanceof Interrupted)) throw thrown;
    if (session) terminal.say(printable(howToComeBack(session.id, opening)));
    endWith(EXIT.interrupted);
  } finally {
    lines.close();
    stop.release();
  }
}

interface First {
  readonly session: Session;
  /** Says the first message, or asks for the answer to it; null when nothing is said yet. */
  readonly say: (() => Promise<Reply>) | null;
}

async function begin(opening: Opening, text: string): Promise<First> {
  const session = await opening.start(text);
  return { session, say: () => session.firstReply() };
}

function sayer(session: Session, text: string | null): First {
  return { session, say: text === null ? null : () => session.send(text) };
}

/** Message, answer, message … until one side ends it. */
async function talk(
  chatting: Chat,
  session: Session,
  lines: ChatLines,
  first: (() => Promise<Reply>) | null,
): Promise<void> {
  let say = first;
  let isRefused = false;
  for (;;) {
    const came = say && (await answer(chatting, session, say));
    if (came === 'over') return sumUp(chatting, session, isRefused);
    isRefused ||= came === 'refused';
    const text = await nextLine(chatting, lines);
    if (text === null) break;
    say = () => session.send(text);
  }
  await session.end().catch((thrown: unknown) => {
    // It ended by itself meanwhile.
    if (!(thrown instanceof AegrailError) || thrown.code !== 'SESSION_ENDED') throw thrown;
  });
  return sumUp(chatting, session, isRefused);
}

/** Says something and writes the answer. `refused`: this message can't be said, another may. `over`: the session is. */
async function answer(
  { invocation: { terminal }, stop, json }: Chat,
  session: Session,
  say: () => Promise<Reply>,
): Promise<'answered' | 'refused' | 'over'> {
  try {
    const reply = await waitForReply(session, say(), stop, terminal);
    if (json) await terminal.line(JSON.stringify({ sessionId: session.id, ...reply }));
    if (reply.outcome !== 'answered') return 'over';
    if (json) return 'answered';
    if (reply.answer === null) terminal.say(reply.why ?? '');
    else await terminal.line(process.stdout.isTTY ? printable(reply.answer, true) : reply.answer);
    return 'answered';
  } catch (thrown) {
    if (!(thrown instanceof AegrailError)) throw thrown;
    if ((await describeSession(session)).state !== 'running') return 'over';
    if (thrown.code !== 'INPUT_INVALID') throw thrown;
    terminal.say(thrown.message);
    return 'refused';
  }
}

/** The next line that says something; null when the session is to end. */
async function nextLine({ invocation: { terminal }, stop }: Chat, lines: ChatLines): Promise<string | null> {
  for (;;) {
    const line = await unlessStopped(lines.next(), stop);
    if (line === null) return null;
    if ('problem' in line) throw new AegrailError('INPUT_INVALID', `The input can not be read: ${line.problem}.`);
    const text = line.text.replace(/\r$/, '');
    if (text.trim() === END_WORD) return null;
    if (text.trim() !== '') return text;
    terminal.endLive();
  }
}

/** Says how the session ended. @throws AegrailError when it failed */
async function sumUp({ invocation, stop }: Chat, session: Session, isRefused: boolean): Promise<void> {
  const { terminal, endWith } = invocation;
  const result = await unlessStopped(session.result(), stop);
  const code = exitCodeOfEnd(result);
  endWith(code === EXIT.done && isRefused ? EXIT.bad : code);
  terminal.say(printable(`${summary(result)} (session ${session.id})`));
}

function summary(result: SessionResult): string {
  if (result.outcome !== 'answered') return endLine(result);
  return `ended: ${formatUsd(Math.round(result.budget.usd_used * NANO_PER_USD))} used`;
}

/** The session that is gone on with; null when there is none of that id, or none was named. */
async function runningSession({ aegrail }: Clients, { id, agent, user }: Opening): Promise<Session | null> {
  if (id === undefined) return null;
  const session = aegrail.session(id);
  const isThere = await session.describe().then(
    () => true,
    (thrown: unknown) => {
      if (thrown instanceof AegrailError && thrown.code === 'SESSION_UNKNOWN') return false;
      throw thrown;
    },
  );
  if (!isThere) return null;
  const listed = await describeSession(session);
  if ((listed.agent ?? agent) !== agent || (listed.user ?? user) !== user)
    throw new AegrailError(
      'SESSION_ID_USED',
      `The session ${id} is there already, of another agent or for another user.`,
    );
  if (listed.state === 'running') return session;
  throw new AegrailError(
    'SESSION_ENDED',
    `The session ${id} has ended: ${listed.state}. Start another under another --session.`,
  );
}

function howToComeBack(id: string, { agent, user }: Opening): string {
  const again = `aegrail start ${agent} --user ${user} --session ${id} --interactive`;
  return `The session goes on. Come back: ${again}. Say one thing: aegrail send ${id} TEXT. End it: aegrail end ${id}`;
}
