import type { DatabaseSync } from 'node:sqlite';
import { AegrailError, messageOf } from '../core/errors.ts';
import { inTransaction } from './sqlite-open.ts';
import type { SqliteStatements } from './sqlite-sql.ts';

/**
 * Erases a session's blobs, and their bytes from the database's files. `secure_delete` overwrites what a deletion frees,
 * but not what SQLite left behind when it moved rows from page to page before: so the file is written anew, with what is
 * in it still (VACUUM), and so is the write-ahead log (a checkpoint that truncates it). Both take time and free disk in
 * proportion to the whole file, and other processes' writes wait, or fail as unavailable, until it is done. What a disk
 * keeps of blocks that a file gave back, snapshots and backups are not ours to erase.
 *
 * @returns how many blobs and bytes there were
 * @throws AegrailError AUDIT_UNAVAILABLE when the bytes may still be in the files, though nobody can read them through the
 *   store any more; doing it again erases them
 */
export function eraseBlobs(
  database: DatabaseSync,
  sql: SqliteStatements,
  sessionId: string,
): { readonly blobs: number; readonly bytes: number } {
  database.exec('PRAGMA secure_delete = ON');
  const erased = inTransaction(database, () => {
    const row = sql.countBlobs.get(sessionId);
    sql.deleteBlobs.run(sessionId);
    return { blobs: Number(row?.['blobs']), bytes: Number(row?.['bytes']) };
  });
  try {
    database.exec('VACUUM');
    const busy = database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()?.['busy'];
    if (busy !== 0) throw new Error('another process reads the write-ahead log');
  } catch (error) {
    const { blobs, bytes } = erased;
    throw new AegrailError(
      'AUDIT_UNAVAILABLE',
      `${blobs} blobs (${bytes} bytes) of session ${sessionId} are erased, but the database's files may still hold what was in them: ${messageOf(error)}. Erase again`,
      { cause: error },
    );
  }
  return erased;
}
