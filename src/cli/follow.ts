import { setTimeout as delay } from 'node:timers/promises';
import type { Session } from '../client.ts';
import type { SessionResult, SessionView } from '../protocol.ts';
import { type Answered, ask, ASK_WITHIN_MS } from './ask.ts';

const POLL_MS = 250;

/** Ctrl-C while a session is followed. The session goes on. */
export class Interrupted extends Error {}

/** How a session is followed. */
export interface Following {
  readonly session: Session;
  /** Aborted to stop following. */
  readonly stop: AbortSignal;
  /** The first sequence number that is wanted in the next view. */
  readonly fromSeq?: () => number;
  readonly onView: (view: SessionView) => Promise<void> | void;
  /** Told once when nothing was heard for 3 s. */
  readonly onSilence: (why: 'opening' | 'no worker') => void;
}

type End = { readonly result: SessionResult } | { readonly thrown: unknown };

/**
 * Asks a session four times a second how it is, until it ends.
 *
 * @throws Interrupted when it was told to stop; what {@link Session.result} throws
 */
export async function follow(following: Following): Promise<SessionResult> {
  const { session, stop } = following;
  const ended: Promise<End> = session.result().then(
    (result) => ({ result }),
    (thrown: unknown) => ({ thrown }),
  );
  const stopped = new Promise<'stopped'>((done) => {
    if (stop.aborted) done('stopped');
    stop.addEventListener('abort', () => done('stopped'), { once: true });
  });
  let heardAtMs = performance.now();
  let isTold = false;
  for (;;) {
    const asked = ask(session, following.fromSeq?.());
    // Whoever wins, a late failure is nobody's.
    asked.catch(() => undefined);
    const first = await Promise.race([asked, ended, stopped]);
    if (first === 'stopped') throw new Interrupted();
    if ('view' in first) {
      heardAtMs = performance.now();
      isTold = false;
      await following.onView(first.view);
    } else if ('silent' in first) {
      if (!isTold && performance.now() - heardAtMs >= ASK_WITHIN_MS) {
        isTold = true;
        following.onSilence(first.silent);
      }
    } else return endOf(first);
    const next = await Promise.race([ended, stopped, delay(POLL_MS)]);
    if (next === 'stopped') throw new Interrupted();
    if (next) return endOf(next);
  }
}

function endOf(end: End): SessionResult {
  if ('thrown' in end) throw end.thrown;
  return end.result;
}

/** What there is to say of a session that is silent. */
export function silence(why: Exclude<Answered, { view: unknown }>['silent'], taskQueue?: string): string {
  if (why === 'opening') return 'waiting for a worker that opens the session';
  return `waiting for a worker${taskQueue === undefined ? '' : ` on task queue ${taskQueue}`}: start one with \`aegrail worker\` or \`aegrail up\``;
}
