import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { AegrailError, messageOf } from '../core/errors.ts';
import { migrate } from './migrations.ts';
import { loadSqlite } from './node-sqlite.ts';

/** How long a statement waits for another process's write to end, before it fails. */
const BUSY_TIMEOUT_MS = 4_000;
/** SQLITE_BUSY: only the change to WAL answers it at once, without waiting. */
const SQLITE_BUSY = 5;
const WAL_RETRY_MS = 20;

/** The path of a database that lives in memory, for tests and trials. */
export const MEMORY = ':memory:';

/**
 * Opens a database file, made with its folder when it is not there, readable by its owner only: transcripts are in it.
 * Write-ahead log, and every commit is on disk when it returns (synchronous = FULL).
 *
 * @throws AegrailError CONFIG_INVALID when the file can't be opened, is no database, or is not ours
 */
export function openDatabase(path: string): DatabaseSync {
  const { DatabaseSync: Database } = loadSqlite();
  let database: DatabaseSync | undefined;
  try {
    if (path !== MEMORY) makeFile(path);
    database = new Database(path);
    database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    if (path !== MEMORY) useWal(database);
    database.exec('PRAGMA synchronous = FULL');
    const opened = database;
    inTransaction(opened, () => migrate(opened, path));
    return opened;
  } catch (error) {
    database?.close();
    if (error instanceof AegrailError) throw error;
    throw new AegrailError('CONFIG_INVALID', `the store ${path} can not be opened: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Runs `work` holding the write lock from the start. All of it is on disk afterwards, or nothing. */
export function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    // A full disk rolls back by itself, and then there is nothing to roll back any more.
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

function makeFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  closeSync(openSync(path, 'a', 0o600));
}

/** Two processes that open a new file at once: one changes it to WAL, the other is told "busy" without being made to wait. */
function useWal(database: DatabaseSync): void {
  const giveUpMs = performance.now() + BUSY_TIMEOUT_MS;
  for (;;) {
    try {
      database.exec('PRAGMA journal_mode = WAL');
      return;
    } catch (error) {
      if ((error as { errcode?: number }).errcode !== SQLITE_BUSY || performance.now() > giveUpMs) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WAL_RETRY_MS);
    }
  }
}
