import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { LogEntry } from '../../src/core/entry.ts';
import { appendHash, emptyRange, leafHash, type Range, rootOfRange, type Sha256Bytes } from '../../src/core/merkle.ts';
import type { AuditRecord } from '../../src/core/record.ts';
import { checkpointHash, formatCheckpoint, NO_PREVIOUS } from '../../src/signing/checkpoint.ts';
import { entryText, signEntry, userHash } from '../../src/signing/entry.ts';
import { generateSkey, parseSkey, type SigningKey } from '../../src/signing/key.ts';
import { formatNote, signNote } from '../../src/signing/note.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { sampleSession } from '../suites/sample-session.ts';

/** The log of logs of these tests. */
export const ORIGIN = 'example.com/export-test';

/** A session of these tests. */
export interface Sample {
  readonly id: string;
  /** `ts` of its first record, in ms since the epoch. */
  readonly startMs: number;
  readonly calls: number;
  readonly agent?: string;
  readonly user?: string;
  readonly contract?: string;
}

/** Its records: a second apart, as the {@link sampleSession} of another id and time. */
export function recordsOf({ id, startMs, calls, agent, user, contract }: Sample): readonly AuditRecord[] {
  return sampleSession(id, calls).map((record, seq) => {
    const ts = new Date(startMs + seq * 1000).toISOString();
    const own = { ...record, ts, agent_identity: agent ?? 'bot/v1', invoking_user: user ?? 'ann@acme.com' };
    if (own.event !== 'session_started' || contract === undefined) return own;
    return { ...own, payload: { ...own.payload, contract_sha256: contract } };
  });
}

/** A folder that goes away with the test. */
export function temporaryFolder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'aegrail-export-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** An empty SQLite store that goes away with the test. */
export function emptyStore(): Store {
  const store = openSqliteStore(join(temporaryFolder(), 'store.db'));
  onTestFinished(() => store.close());
  return store;
}

/** Appends to a store's tree and signs, as a notary does: enough of one for these tests. */
export interface Sealer {
  readonly key: SigningKey;
  add(...entries: readonly LogEntry[]): Promise<void>;
  /** Signs the tree as it is. */
  checkpoint(time: string): Promise<void>;
}

/** Begins a store's tree with its first key. */
export async function beginTree({ tree }: Store): Promise<Sealer> {
  const key = parseSkey(generateSkey(ORIGIN));
  let range: Range = emptyRange();
  let number = 0;
  let previous = NO_PREVIOUS;
  const add = async (...entries: readonly LogEntry[]): Promise<void> => {
    const texts = entries.map((entry) => entryText(entry));
    if (!(await tree.append(range.size, texts, []))) throw new Error('the tree has another size');
    for (const text of texts) range = appendHash(range, leafHash(Buffer.from(text), sha256Bytes), sha256Bytes);
  };
  await add(signEntry({ v: 1, kind: 'key_added', at: '2026-01-01T00:00:00.000Z', key: key.verifier.vkey }, [key]));
  return {
    key,
    add,
    async checkpoint(time) {
      const root = Buffer.from(rootOfRange(range, sha256Bytes)).toString('hex');
      const checkpoint = { origin: ORIGIN, size: range.size, root, number, time, cadenceSeconds: 60, previous };
      const text = formatCheckpoint(checkpoint);
      if (!(await tree.addCheckpoint(number, formatNote(text, [signNote(text, key)])))) throw new Error('not the next');
      previous = checkpointHash(text);
      number += 1;
    },
  };
}

/** The entry of a session as it is stored. */
export async function headOf(store: Store, sessionId: string): Promise<LogEntry> {
  for await (const row of store.sessions({ sessionId })) {
    return {
      v: 1,
      kind: 'head',
      session_id: sessionId,
      agent_identity: row.agentIdentity,
      user_sha256: userHash(sessionId, row.invokingUser),
      started: row.started,
      ts: row.lastTs,
      seq: row.lastSeq,
      hash: row.lastHash,
      ended: row.ended,
    };
  }
  throw new Error(`no session ${sessionId}`);
}

/** SHA-256 of bytes or of a text's UTF-8 bytes, in hex. */
export function hex(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A file's lines, each of which ends in LF. */
export function linesOf(path: string): string[] {
  const text = readFileSync(path, 'utf8');
  if (text === '') return [];
  if (!text.endsWith('\n')) throw new Error(`${path} does not end in LF`);
  return text.slice(0, -1).split('\n');
}

/** All of what a stream gives. */
export async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const values: T[] = [];
  for await (const value of stream) values.push(value);
  return values;
}

export const sha256Bytes: Sha256Bytes = (data) => createHash('sha256').update(data).digest();
