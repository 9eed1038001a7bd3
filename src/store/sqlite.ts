import { hash as digest } from 'node:crypto';
import type { Sha256 } from '../core/chain.ts';
import { AegrailError, messageOf } from '../core/errors.ts';
import type { AuditRecord, ChainedRecord } from '../core/record.ts';
import { erasedBefore, type Head, isAdmitted, NO_HEAD, planAppend } from './append.ts';
import { inPages, PAGE_LENGTH, PAGE_ROWS } from './pages.ts';
import { type Dialect, type Row, selectSessions } from './session-rows.ts';
import { eraseBlobs } from './sqlite-erase.ts';
import { inTransaction, openDatabase } from './sqlite-open.ts';
import { prepareSqlite } from './sqlite-sql.ts';
import { sqliteSwitches } from './sqlite-switches.ts';
import { sqliteTree } from './sqlite-tree.ts';
import type { Appended, Claim, Store } from './store.ts';

const sha256: Sha256 = (text) => digest('sha256', text, 'hex');

/**
 * A store in one SQLite file, for the workers of one machine. Every change is on disk when its promise resolves.
 * Statements run on the caller's thread: each takes as long as the disk takes to sync. `eraseBlobs` writes the whole file
 * anew, so that none of the bytes stay in it: it is for a process of its own, and needs as much free disk again.
 *
 * @param path the file, made with its folder when it is not there, or `:memory:`
 * @throws AegrailError CONFIG_INVALID when the file can't be opened, is another program's, or a newer release's
 */
export function openSqliteStore(path: string): Store {
  const database = openDatabase(path);
  const sql = prepareSqlite(database);

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
    const [first] = added;
    const last = added.at(-1);
    if (first && last) {
      const { seq, hash, ts, event } = last.record;
      const { ts: started, agent_identity, invoking_user } = first.record;
      if (head.seq !== NO_HEAD.seq) sql.extend.run(seq, hash, ts, event, sessionId);
      else sql.begin.run(seq, hash, ts, event, sessionId, started, agent_identity, invoking_user);
      for (const { record, line } of added) sql.insert.run(sessionId, record.seq, line);
    }
    return {
      added: added.map(({ record }) => record),
      lastSeq: head.seq + added.length,
      claimed: claim ? 'first' : null,
    };
  }

  /** A page of a session's lines, from a sequence number or after the last line of the page before. */
  function pageOf(sessionId: string, fromSeq: number): (after: Row | undefined) => Promise<readonly Row[]> {
    return (after) =>
      run(() => takePage(sql.page.iterate(sessionId, Number(after?.['seq'] ?? fromSeq - 1), PAGE_ROWS)));
  }

  const dialect: Dialect = {
    sessions: 'sessions',
    mark: () => '?',
    toText: (text) => text,
    fromText: (text) => text,
    ask: (statement, values) => run(() => database.prepare(statement).all(...values)),
  };

  return {
    append: (sessionId, batch, claim) => run(() => inTransaction(database, () => append(sessionId, batch, claim))),
    record: (sessionId, seq) =>
      run(() => {
        const row = sql.line.get(sessionId, seq);
        return row === undefined ? null : parse(row['line']);
      }),
    records: (sessionId, fromSeq = 0) => inPages(pageOf(sessionId, fromSeq), (row) => parse(row['line'])),
    lines: (sessionId, fromSeq = 0) => inPages(pageOf(sessionId, fromSeq), (row) => String(row['line'])),
    sessions: (query) => selectSessions(dialect, query),
    putBlob: (sessionId, bytes) =>
      run(() => {
        const key = digest('sha256', bytes, 'hex');
        const { changes } = sql.putBlob.run(sessionId, key, bytes);
        if (changes === 0 && sql.refusesBlobs.get(sessionId) !== undefined) throw erasedBefore(sessionId);
        return key;
      }),
    refuseBlobs: (sessionId) => run(() => void sql.refuseBlobs.run(sessionId)),
    getBlob: (sessionId, key) =>
      run(() => (sql.getBlob.get(sessionId, key)?.['bytes'] as Uint8Array | undefined) ?? null),
    countBlobs: (sessionId) =>
      run(() => {
        const row = sql.countBlobs.get(sessionId);
        return { blobs: Number(row?.['blobs']), bytes: Number(row?.['bytes']) };
      }),
    eraseBlobs: (sessionId) => run(() => eraseBlobs(database, sql, sessionId)),
    tree: sqliteTree(database, sql, run),
    switches: sqliteSwitches(sql, run),
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

/** Takes rows up to the one that makes the page long enough. */
function takePage(rows: Iterable<Row>): readonly Row[] {
  const page: Row[] = [];
  let length = 0;
  for (const row of rows) {
    page.push(row);
    length += String(row['line']).length;
    if (length >= PAGE_LENGTH) break;
  }
  return page;
}

function parse(line: unknown): ChainedRecord {
  return JSON.parse(String(line)) as ChainedRecord;
}
