import type { DatabaseSync } from 'node:sqlite';

/** Lets one sink at a time deliver from a spool, of all processes that have it. */
export interface SpoolLock {
  /** Whether it is ours now. Does not wait. @throws when the file can't be had */
  take(): boolean;
  isHeld(): boolean;
  release(): void;
  close(): void;
}

/** What SQLite answers when another has the lock. */
const SQLITE_BUSY = 5;

/**
 * A lock that the system lets go of when its process dies, however it dies. Node has no lock of files; SQLite's, on a
 * database with nothing in it, is one, and costs a tenth of a millisecond.
 */
export function createSpoolLock(path: string): SpoolLock {
  let database: DatabaseSync | null = null;
  let isHeld = false;

  function letGo(): void {
    isHeld = false;
    database?.close();
    database = null;
  }

  function release(): void {
    if (!isHeld) return;
    isHeld = false;
    try {
      database?.exec('ROLLBACK');
    } catch {
      letGo();
    }
  }

  return {
    take: () => {
      if (isHeld) return true;
      const { DatabaseSync: Database } = process.getBuiltinModule('node:sqlite');
      database ??= new Database(path, { timeout: 0 });
      try {
        database.exec('BEGIN EXCLUSIVE');
        isHeld = true;
      } catch (error) {
        if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) {
          // The folder was deleted, perhaps, and made anew. The next try is with the file that is there then.
          letGo();
          throw error;
        }
      }
      return isHeld;
    },
    isHeld: () => isHeld,
    release,
    close: letGo,
  };
}
