import { hash as digest } from 'node:crypto';
import type { Sha256 } from '../core/chain.ts';
import { AegrailError } from '../core/errors.ts';
import type { ChainedRecord } from '../core/record.ts';
import { inPages, PAGE_LENGTH, PAGE_ROWS } from './pages.ts';
import { postgresAppend } from './postgres-append.ts';
import { asking } from './postgres-ask.ts';
import { connectPostgres, type PostgresDatabase, reasonOf } from './postgres-connection.ts';
import { migratePostgres } from './postgres-migrations.ts';
import { postgresSql } from './postgres-sql.ts';
import type { SchemaWait } from './postgres-turn.ts';
import { postgresSwitches } from './postgres-switches.ts';
import { fromText, toText } from './postgres-text.ts';
import { postgresTree } from './postgres-tree.ts';
import { erasedBefore } from './append.ts';
import { type Dialect, type Row, selectSessions } from './session-rows.ts';
import type { Store } from './store.ts';
import { createTurns } from './turns.ts';

/** SQLSTATEs that a person must put right: wrong user or password, no such database, no right to create. */
const REFUSED = /^(28...|3D000|42501)$/;

/** Longest that a worker waits for another one to bring the schema up. */
const SCHEMA_WAIT_MS = 60_000;

const sha256: Sha256 = (text) => digest('sha256', text, 'hex');

/**
 * A store in a schema of a PostgreSQL database (12 or newer), for workers on many machines. Every change is on disk when
 * its promise resolves. After the server was away the store goes on by itself; meanwhile it throws AUDIT_UNAVAILABLE.
 * What `eraseBlobs` deletes stays in the server's files until a vacuum, and in its write-ahead log, replicas and backups:
 * to erase it there is up to who runs the server.
 *
 * @param url `postgres://user:password@host:port/database?sslmode=…&schema=…`; the schema is `aegrail` when none is named
 * @param onWait told when another process is waited for, which brings the schema to another release's
 * @throws AegrailError CONFIG_INVALID when the url is wrong, the server refuses the role, or the schema is another
 *   program's or a newer release's; AUDIT_UNAVAILABLE when the server can't be reached
 */
export async function openPostgresStore(url: string, onWait: SchemaWait['onWait']): Promise<Store> {
  const database = connectPostgres(url);
  try {
    await migratePostgres(database, { onWait, atMostMs: SCHEMA_WAIT_MS });
  } catch (error) {
    await database.pool.end();
    if (error instanceof AegrailError) throw error;
    const code = REFUSED.test(String((error as { code?: unknown }).code)) ? 'CONFIG_INVALID' : 'AUDIT_UNAVAILABLE';
    throw new AegrailError(code, `the store ${database.name} can not be opened: ${reasonOf(error)}`, { cause: error });
  }
  return storeIn(database);
}

function storeIn(database: PostgresDatabase): Store {
  const { pool } = database;
  const sql = postgresSql(database.schema);
  const { ask, run } = asking(database);
  const append = postgresAppend(ask, sql, sha256);
  const inTurn = createTurns();

  async function rowsOf(statement: string, values: readonly unknown[]): Promise<readonly Row[]> {
    return (await run(() => ask(statement, values))).rows;
  }

  async function valueOf(statement: string, column: string, values: readonly unknown[]): Promise<unknown> {
    return (await rowsOf(statement, values))[0]?.[column] ?? null;
  }

  /** A page of a session's lines, from a sequence number or after the last line of the page before. */
  function pageOf(sessionId: string, fromSeq: number): (after: Row | undefined) => Promise<readonly Row[]> {
    const id = toText(sessionId);
    return (after) => rowsOf(sql.page, [id, after?.['seq'] ?? fromSeq - 1, PAGE_ROWS, PAGE_LENGTH]);
  }

  const dialect: Dialect = {
    sessions: sql.sessions,
    mark: (position) => `$${position}`,
    toText,
    fromText,
    ask: rowsOf,
  };

  return {
    append: (sessionId, records, claim) => run(() => inTurn(sessionId, () => append(sessionId, records, claim))),
    async record(sessionId, seq) {
      const line = await valueOf(sql.line, 'line', [toText(sessionId), seq]);
      return line === null ? null : parse(line);
    },
    records: (sessionId, fromSeq = 0) => inPages(pageOf(sessionId, fromSeq), (row) => parse(row['line'])),
    lines: (sessionId, fromSeq = 0) => inPages(pageOf(sessionId, fromSeq), (row) => String(row['line'])),
    sessions: (query) => selectSessions(dialect, query),
    async putBlob(sessionId, bytes) {
      const key = digest('sha256', bytes, 'hex');
      const [row] = await rowsOf(sql.putBlob, [toText(sessionId), key, bytes]);
      if (row?.['refuses']) throw erasedBefore(sessionId);
      return key;
    },
    refuseBlobs: async (sessionId) => void (await rowsOf(sql.refuseBlobs, [toText(sessionId)])),
    getBlob: async (sessionId, key) =>
      (await valueOf(sql.getBlob, 'bytes', [toText(sessionId), key])) as Uint8Array | null,
    async countBlobs(sessionId) {
      const [row] = await rowsOf(sql.countBlobs, [toText(sessionId)]);
      return { blobs: Number(row?.['blobs']), bytes: Number(row?.['bytes']) };
    },
    async eraseBlobs(sessionId) {
      const [row] = await rowsOf(sql.eraseBlobs, [toText(sessionId)]);
      return { blobs: Number(row?.['blobs']), bytes: Number(row?.['bytes']) };
    },
    tree: postgresTree(ask, run, sql),
    switches: postgresSwitches(ask, run, sql),
    async putContract(canonicalJson) {
      const key = sha256(canonicalJson);
      await rowsOf(sql.putContract, [key, canonicalJson]);
      return key;
    },
    getContract: async (key) => (await valueOf(sql.getContract, 'json', [key])) as string | null,
    async close() {
      if (!pool.ending) await pool.end();
    },
  };
}

function parse(line: unknown): ChainedRecord {
  return JSON.parse(String(line)) as ChainedRecord;
}
