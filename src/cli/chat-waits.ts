import { setTimeout as delay } from 'node:timers/promises';
import type { Session } from '../client.ts';
import type { Reply, SessionView } from '../protocol.ts';
import { ask, ASK_WITHIN_MS } from './ask.ts';
import { Interrupted, silence } from './follow.ts';
import { ledgerLine } from './ledger-lines.ts';
import type { Terminal } from './terminal.ts';
import { printable } from './text.ts';

const POLL_MS = 250;

/** Waits for something, unless Ctrl-C comes first. @throws Interrupted */
export async function unlessStopped<T>(work: Promise<T>, stop: AbortSignal): Promise<T> {
  let onAbort = (): void => {};
  const stopped = new Promise<'stopped'>((done) => {
    onAbort = () => done('stopped');
    if (stop.aborted) done('stopped');
    stop.addEventListener('abort', onAbort, { once: true });
  });
  try {
    const first = await Promise.race([work.then((value) => ({ value })), stopped]);
    if (first === 'stopped') throw new Interrupted();
    return first.value;
  } finally {
    stop.removeEventListener('abort', onAbort);
    // Whoever wins, a late failure is nobody's.
    work.catch(() => undefined);
  }
}

/** Waits for an answer, and shows meanwhile what the session does, and what people have to do. @throws Interrupted */
export async function waitForReply(
  session: Session,
  reply: Promise<Reply>,
  stop: AbortSignal,
  terminal: Terminal,
): Promise<Reply> {
  const looking = new AbortController();
  const seen = look(session, looking.signal, terminal);
  try {
    return await unlessStopped(reply, stop);
  } finally {
    looking.abort();
    await seen;
    terminal.endLive();
  }
}

/** Looks at the session four times a second, until it is told to stop. Never rejects: it is only looked at. */
async function look(session: Session, over: AbortSignal, terminal: Terminal): Promise<void> {
  const teller = waitTeller(session.id, terminal);
  let heardAtMs = performance.now();
  const isOver = new Promise<null>((done) => over.addEventListener('abort', () => done(null), { once: true }));
  while (!over.aborted) {
    const first = await Promise.race([ask(session).catch(() => null), isOver]);
    if (over.aborted) return;
    if (first && 'view' in first) {
      heardAtMs = performance.now();
      teller.view(first.view);
    } else if (first && performance.now() - heardAtMs >= ASK_WITHIN_MS) teller.silent(silence(first.silent));
    await Promise.race([delay(POLL_MS), isOver]);
  }
}

interface WaitTeller {
  view(view: SessionView): void;
  silent(why: string): void;
}

/** Says each thing that people have to do once, with the command that does it. */
function waitTeller(id: string, terminal: Terminal): WaitTeller {
  const told = new Set<string>();
  const once = (key: string, text: string): void => {
    if (!told.has(key)) terminal.say(printable(text));
    told.add(key);
  };
  return {
    view(view) {
      for (const { request, tool, args } of view.approvals) {
        const words = `waits for approval of ${tool} ${JSON.stringify(args)}`;
        once(request, `${words}: aegrail approve ${id} ${request} --by WHO (or deny), in another terminal`);
      }
      const { phase } = view;
      if (phase === 'budget')
        once(phase, `waits for a larger budget: aegrail topup ${id} --usd 1 --by WHO, in another terminal`);
      else told.delete('budget');
      if (phase === 'paused') once(phase, `${view.doing}: aegrail resume ${id} --by WHO, in another terminal`);
      else told.delete('paused');
      terminal.live(ledgerLine(view, Date.now()));
    },
    silent: (why) => once('silent', why),
  };
}
