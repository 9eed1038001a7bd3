import { inPages, PAGE_ROWS } from './pages.ts';
import type { Ask, Run } from './postgres-ask.ts';
import type { PostgresStatements } from './postgres-sql.ts';
import { fromText, toText } from './postgres-text.ts';
import { type Row, sessionRow } from './session-rows.ts';
import type { Sealed, TreeStore } from './tree-store.ts';

/** The log of logs in a PostgreSQL store. Each change is one statement: nobody who dies leaves anything locked. */
export function postgresTree(ask: Ask, run: Run, sql: PostgresStatements): TreeStore {
  async function append(size: number, entries: readonly string[], sealed: readonly Sealed[]): Promise<boolean> {
    const { rows } = await ask(sql.treeAppend, [
      size,
      entries,
      sealed.map(({ sessionId }) => toText(sessionId)),
      sealed.map(({ seq }) => seq),
      sealed.map(({ ts }) => toText(ts)),
    ]);
    return rows[0]?.['moved'] === true;
  }

  return {
    size: () => run(async () => Number((await ask(sql.treeSize, [])).rows[0]?.['size'])),
    entries: (from, to = Number.MAX_SAFE_INTEGER) =>
      inPages(
        (after: Row | undefined) =>
          run(async () => (await ask(sql.entries, [after?.['position'] ?? from - 1, to, PAGE_ROWS])).rows),
        (row) => String(row['entry']),
      ),
    append: (size, entries, sealed) => run(() => append(size, entries, sealed)),
    due: (before, limit) =>
      run(async () => {
        const { rows } = await ask(sql.due, [before === null ? null : toText(before), Math.max(0, limit)]);
        return rows.map((row) => sessionRow(row, fromText));
      }),
    lastCheckpoint: () =>
      run(async () => {
        const [row] = (await ask(sql.lastCheckpoint, [])).rows;
        return row === undefined ? null : { number: Number(row['number']), note: String(row['note']) };
      }),
    checkpoints: (from = 0) =>
      inPages(
        (after: Row | undefined) =>
          run(async () => (await ask(sql.checkpoints, [after?.['number'] ?? from - 1, PAGE_ROWS])).rows),
        (row) => String(row['note']),
      ),
    addCheckpoint: (number, note) => run(async () => (await ask(sql.addCheckpoint, [number, note])).rowCount === 1),
  };
}
