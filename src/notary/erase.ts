import { ENTRY_VERSION, type ErasureEntry } from '../core/entry.ts';
import { AegrailError } from '../core/errors.ts';
import { signEntry } from '../signing/entry.ts';
import type { Store } from '../store/store.ts';
import type { Tick, Notary } from './notary.ts';

/** What is erased, and why: the reason is in the log for good. */
export interface ErasureOrder {
  readonly sessionId: string;
  readonly reason: string;
}

/** What came of it. */
export interface Erasure {
  /** What there was to erase now. */
  readonly blobs: number;
  readonly bytes: number;
  /** `recorded`: by an entry that was made now. `before`: by an earlier one. `nothing`: nothing was ever to be erased. */
  readonly record: 'recorded' | 'before' | 'nothing';
  /** The tick that signed a checkpoint over the entry; null when there is none. */
  readonly tick: Tick | null;
}

/** What erasing needs. */
export interface Eraser {
  readonly store: Store;
  readonly notary: Pick<Notary, 'record' | 'tick'>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/**
 * Erases a session's transcript and payloads, and sees to it that no others come. First the log says so, signed; then the bytes go; then a checkpoint commits
 * to it. Whatever was interrupted is finished by doing it again: an entry that says as much as is left is not made twice.
 *
 * @throws AegrailError SESSION_UNKNOWN; SESSION_OPEN while its log has no end: more would be written; CONFIG_INVALID when
 *   the key is not the log's; AUDIT_UNAVAILABLE when the store fails, and it must be done again
 */
export async function eraseSession({ store, notary, now }: Eraser, order: ErasureOrder): Promise<Erasure> {
  const { sessionId } = order;
  await mustHaveEnded(store, sessionId);
  // A call that was under way when the session ended may still have something to keep.
  await store.refuseBlobs(sessionId);
  const there = await store.countBlobs(sessionId);
  const isNew = await notary.record(async (key) => {
    const { blobs, bytes } = await store.countBlobs(sessionId);
    const before = await lastErasure(store, sessionId);
    const isSaid = before?.blobs === blobs && before.bytes === bytes;
    if (blobs === 0 || isSaid) return null;
    const { reason } = order;
    const at = new Date(now()).toISOString();
    return signEntry({ v: ENTRY_VERSION, kind: 'erasure', at, session_id: sessionId, reason, blobs, bytes }, [key]);
  });
  if (!isNew && (await lastErasure(store, sessionId)) === null) return { ...there, record: 'nothing', tick: null };
  // Also when nothing is left: what is deleted may still be in the database's files.
  await store.eraseBlobs(sessionId);
  return { ...there, record: isNew ? 'recorded' : 'before', tick: await notary.tick({ all: true }) };
}

async function mustHaveEnded(store: Store, sessionId: string): Promise<void> {
  for await (const { ended } of store.sessions({ sessionId, limit: 1 })) {
    if (ended) return;
    throw new AegrailError(
      'SESSION_OPEN',
      `The log of ${sessionId} has no end yet, so more may be written to it. If it runs, end it with "aegrail cancel ${sessionId}"; if Temporal has ended it, close its log with "aegrail audit reconcile". Then erase.`,
    );
  }
  throw new AegrailError('SESSION_UNKNOWN', `The store has no session ${sessionId}.`);
}

/** The last entry that says that a session was erased. Reads the whole tree: erasures are rare. */
async function lastErasure({ tree }: Store, sessionId: string): Promise<ErasureEntry | null> {
  let last: ErasureEntry | null = null;
  for await (const text of tree.entries(0)) {
    if (!text.includes('"erasure"')) continue;
    const entry = JSON.parse(text) as ErasureEntry;
    if (entry.kind === 'erasure' && entry.session_id === sessionId) last = entry;
  }
  return last;
}
