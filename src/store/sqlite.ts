import { hash as digest } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import type { Sha256 } from '../core/chain.ts';
import { AegrailError, messageOf } from '../core/errors.ts';
import type { AuditRecord, ChainedRecord } from '../core/record.ts';
import { type Head, isAdmitted, NO_HEAD, planAppend } from './append.ts';
import { inTransaction, openDatabase } from './sqlite-open.ts';
import type { Appended, Claim, Store } from './store.ts';

/** How many records are read at a time: constant memory, whatever the length of a session. */
const PAGE_RECORDS = 500;

const sha256: Sha256 = (text) => digest('sha256', text, 'hex');

/**
 * A store in one SQLite file, for the workers of one machine. Every change is on disk when its promise resolves.
 * Statements run on the caller's thread: each takes as long as the disk takes to sync.
 *
 * @param path the file, made with its folder when it is not there, or `:memory:`
 * @throws AegrailError CONFIG_INVALID when the file can't be opened, is another program's, or a newer release's
 */
export function openSqliteStore(path: string): Store {
  const database = openDatabase(path);
  const sql = prepare(database);

  /** Runs a query. A store that fails says which one it is: SQLite's own message names no file. */
  async function run<T>(query: () => T): Promise<T> {
    try {
      return query();
    } catch (error) {
      if (error instanceof AegrailError) throw error;
      throw new AegrailError('AUDIT_UNAVAILABLE', `the store ${path} failed: ${messageOf(error)}`, { cause: error });
    }
  }

  function append(sessionId: string, records: readonly AuditRecord[], claim?: Claim): Appended {
    const head = (sql.head.get(sessionId) as Head | undefined) ?? NO_HEAD;
    const lineAt = (seq: number): string => String(sql.line.get(sessionId, seq)?.['line']);
    const added = planAppend(sessionId, records, head, lineAt, sha256);
    if (claim && !isAdmitted(claim, head, added, lineAt)) {
      return { added: [], lastSeq: head.seq, claimed: 'not_admitted' };
    }
    if (claim && sql.claim.run(sessionId, claim.seq).changes === 0) {
      return { added: [], lastSeq: head.seq, claimed: 'again' };
    }
    for (const { record, line } of added) {
      sql.insert.run(sessionId, record.seq, record.ts, record.event, record.hash, line);
    }
    return {
      added: added.map(({ record }) => record),
      lastSeq: head.seq + added.length,
      claimed: claim ? 'first' : null,
    };
  }

  async function* records(sessionId: string, fromSeq = 0): AsyncGenerator<ChainedRecord, void, undefined> {
    for (let from = fromSeq; ;) {
      const page = await run(() => sql.page.all(sessionId, from, PAGE_RECORDS));
      for (const row of page) yield parse(row['line']);
      if (page.length < PAGE_RECORDS) return;
      from = Number(page.at(-1)?.['seq']) + 1;
    }
  }

  return {
    append: (sessionId, batch, claim) => run(() => inTransaction(database, () => append(sessionId, batch, claim))),
    record: (sessionId, seq) =>
      run(() => {
        const row = sql.line.get(sessionId, seq);
        return row === undefined ? null : parse(row['line']);
      }),
    records,
    sessions: (limit) => run(() => sql.sessions.all(limit).map((row) => String(row['session_id']))),
    putBlob: (sessionId, bytes) =>
      run(() => {
        const key = digest('sha256', bytes, 'hex');
        sql.putBlob.run(sessionId, key, bytes);
        return key;
      }),
    getBlob: (sessionId, key) =>
      run(() => (sql.getBlob.get(sessionId, key)?.['bytes'] as Uint8Array | undefined) ?? null),
    putContract: (canonicalJson) =>
      run(() => {
        const key = sha256(canonicalJson);
        sql.putContract.run(key, canonicalJson);
        return key;
      }),
    getContract: (key) => run(() => (sql.getContract.get(key)?.['json'] as string | undefined) ?? null),
    close: async () => {
      if (database.isOpen) database.close();
    },
  };
}

function prepare(database: DatabaseSync) {
  return {
    head: database.prepare('SELECT seq, hash, event FROM records WHERE session_id = ? ORDER BY seq DESC LIMIT 1'),
    line: database.prepare('SELECT line FROM records WHERE session_id = ? AND seq = ?'),
    insert: database.prepare('INSERT INTO records (session_id, seq, ts, event, hash, line) VALUES (?, ?, ?, ?, ?, ?)'),
    page: database.prepare('SELECT seq, line FROM records WHERE session_id = ? AND seq >= ? ORDER BY seq LIMIT ?'),
    sessions: database.prepare('SELECT session_id FROM records WHERE seq = 0 ORDER BY ts DESC, rowid DESC LIMIT ?'),
    claim: database.prepare('INSERT INTO claims (session_id, seq) VALUES (?, ?) ON CONFLICT DO NOTHING'),
    putBlob: database.prepare('INSERT INTO blobs (session_id, sha256, bytes) VALUES (?, ?, ?) ON CONFLICT DO NOTHING'),
    getBlob: database.prepare('SELECT bytes FROM blobs WHERE session_id = ? AND sha256 = ?'),
    putContract: database.prepare('INSERT INTO contracts (sha256, json) VALUES (?, ?) ON CONFLICT DO NOTHING'),
    getContract: database.prepare('SELECT json FROM contracts WHERE sha256 = ?'),
  };
}

function parse(line: unknown): ChainedRecord {
  return JSON.parse(String(line)) as ChainedRecord;
}
