import { endsSession } from '../core/ends-session.ts';
import { ENTRY_EVERY_RECORDS, ENTRY_VERSION, type HeadEntry } from '../core/entry.ts';
import { AegrailError } from '../core/errors.ts';
import type { ChainedRecord } from '../core/record.ts';
import { entryText, userHash } from '../signing/entry.ts';
import type { Store } from '../store/store.ts';
import type { Sealed, SessionRow } from '../store/tree-store.ts';

/** Head entries that are due, as a store's `tree.append` takes them. */
export interface DueHeads {
  readonly entries: readonly string[];
  readonly sealed: readonly Sealed[];
}

/**
 * The sequence numbers that are entries by count: 255, 511 … above the last that is sealed, up to the last that there is.
 *
 * @param limit at most so many, the lowest
 */
export function countedSeqs(sealedSeq: number, lastSeq: number, limit: number): readonly number[] {
  const seqs: number[] = [];
  const sealed = sealedSeq + 1;
  // The first multiple above what is sealed, less one.
  let seq = sealed - (sealed % ENTRY_EVERY_RECORDS) + ENTRY_EVERY_RECORDS - 1;
  for (; seq <= lastSeq && seqs.length < limit; seq += ENTRY_EVERY_RECORDS) seqs.push(seq);
  return seqs;
}

/**
 * Whether a session's last record is an entry beside those by count: it ends the session, or the entry before it is old
 * enough.
 *
 * @param entryTs `ts` of the session's entry before it; of its first record when there is none
 * @param before how old is old enough, as a time; null: any age
 */
export function isLastDue(ended: boolean, entryTs: string, before: string | null): boolean {
  return ended || before === null || entryTs <= before;
}

/** The entry of a session's log up to a record of it. */
export function headEntry(row: Pick<SessionRow, 'started' | 'invokingUser'>, record: ChainedRecord): HeadEntry {
  return {
    v: ENTRY_VERSION,
    kind: 'head',
    session_id: record.session_id,
    agent_identity: record.agent_identity,
    user_sha256: userHash(record.session_id, row.invokingUser),
    started: row.started,
    ts: record.ts,
    seq: record.seq,
    hash: record.hash,
    ended: endsSession(record.event),
  };
}

/**
 * The head entries that are due, session after session.
 *
 * @param before sessions whose last entry is of then or earlier are due; null: all that have a record without an entry
 * @param limit at most so many
 */
export async function dueHeads(store: Store, before: string | null, limit: number): Promise<DueHeads> {
  const entries: string[] = [];
  const sealed: Sealed[] = [];
  for (const row of await store.tree.due(before, limit)) {
    const heads = await headsOf(store, row, before, limit - entries.length);
    entries.push(...heads.map(entryText));
    const last = heads.at(-1);
    if (last) sealed.push({ sessionId: row.sessionId, seq: last.seq, ts: last.ts });
    if (entries.length >= limit) break;
  }
  return { entries, sealed };
}

async function headsOf(store: Store, row: SessionRow, before: string | null, limit: number): Promise<HeadEntry[]> {
  const { sessionId, sealedSeq, lastSeq, ended } = row;
  const seqs = countedSeqs(sealedSeq, lastSeq, limit);
  const heads: HeadEntry[] = [];
  for (const seq of seqs) heads.push(headEntry(row, await recordAt(store, sessionId, seq)));
  const entrySeq = seqs.at(-1) ?? sealedSeq;
  if (entrySeq >= lastSeq || heads.length >= limit) return heads;
  const entryTs = heads.at(-1)?.ts ?? (sealedSeq < 0 ? row.started : (await recordAt(store, sessionId, sealedSeq)).ts);
  if (isLastDue(ended, entryTs, before)) heads.push(headEntry(row, await recordAt(store, sessionId, lastSeq)));
  return heads;
}

async function recordAt(store: Store, sessionId: string, seq: number): Promise<ChainedRecord> {
  const record = await store.record(sessionId, seq);
  if (record) return record;
  throw new AegrailError('LOG_INVALID', `record ${seq} of session ${sessionId} is not in the store, which lists it`);
}
