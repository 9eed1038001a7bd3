import type { DatabaseSync } from 'node:sqlite';
import { inPages, PAGE_ROWS } from './pages.ts';
import { type Row, sessionRow } from './session-rows.ts';
import { inTransaction } from './sqlite-open.ts';
import type { SqliteStatements } from './sqlite-sql.ts';
import type { Sealed, TreeStore } from './tree-store.ts';

/**
 * The log of logs in a SQLite store. Who appends holds the database's one write lock: nobody else can in between.
 *
 * @param run runs a query, and says which store it is when it fails
 */
export function sqliteTree(
  database: DatabaseSync,
  sql: SqliteStatements,
  run: <T>(query: () => T) => Promise<T>,
): TreeStore {
  const sizeNow = (): number => Number(sql.treeSize.get()?.['size']);

  function append(size: number, entries: readonly string[], sealed: readonly Sealed[]): boolean {
    if (sizeNow() !== size) return false;
    for (const [index, entry] of entries.entries()) sql.addEntry.run(size + index, entry);
    for (const { sessionId, seq, ts } of sealed) sql.seal.run(seq, ts, sessionId);
    return true;
  }

  return {
    size: () => run(sizeNow),
    entries: (from, to = Number.MAX_SAFE_INTEGER) =>
      inPages(
        (after: Row | undefined) => run(() => sql.entries.all(Number(after?.['position'] ?? from - 1), to, PAGE_ROWS)),
        (row) => String(row['entry']),
      ),
    append: (size, entries, sealed) => run(() => inTransaction(database, () => append(size, entries, sealed))),
    due: (before, limit) =>
      run(() => sql.due.all(before, Math.max(0, limit)).map((row) => sessionRow(row, (text) => text))),
    lastCheckpoint: () =>
      run(() => {
        const row = sql.lastCheckpoint.get();
        return row === undefined ? null : { number: Number(row['number']), note: String(row['note']) };
      }),
    checkpoints: (from = 0) =>
      inPages(
        (after: Row | undefined) => run(() => sql.checkpoints.all(Number(after?.['number'] ?? from - 1), PAGE_ROWS)),
        (row) => String(row['note']),
      ),
    addCheckpoint: (number, note) => run(() => sql.addCheckpoint.run(number, note).changes === 1),
  };
}
