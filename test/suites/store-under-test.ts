import { expect } from 'vitest';
import { lineOf } from '../../src/core/chain.ts';
import type { ChainedRecord } from '../../src/core/record.ts';
import { type Dialect, selectSessions } from '../../src/store/session-rows.ts';
import type { Store } from '../../src/store/store.ts';
import type { SessionQuery, SessionRow } from '../../src/store/tree-store.ts';
import { sampleSession } from './sample-session.ts';

/** A store to be tried, on data of its own. */
export interface StoreUnderTest {
  readonly store: Store;
  /** What `openStore` opens the same data with, here and in another process. */
  readonly url: string;
  /** A second connection to the same data, while the first is open. */
  readonly another: () => Promise<Store>;
  /** Closes all that was opened, and removes the data. */
  readonly dispose: () => Promise<void>;
}

/** A session's log as it was written: of its records, which must be what its lines say. */
export async function linesOf(store: Store, sessionId: string, fromSeq?: number): Promise<string[]> {
  const lines = (await Array.fromAsync(store.records(sessionId, fromSeq))).map(lineOf);
  const stored = await Array.fromAsync(store.lines(sessionId, fromSeq));
  if (stored.join('\n') !== lines.join('\n')) throw new Error(`the lines of ${sessionId} are not those of its records`);
  return stored;
}

/** A session's row, which there must be. */
export async function rowOf(store: Store, sessionId: string): Promise<SessionRow> {
  const [row, ...more] = await Array.fromAsync(store.sessions({ sessionId }));
  if (row === undefined || more.length > 0) throw new Error(`${sessionId} has ${more.length} rows more than one`);
  return row;
}

/** The ids of a query's sessions. */
export async function idsOf(store: Store, query: SessionQuery): Promise<string[]> {
  return (await Array.fromAsync(store.sessions(query))).map(({ sessionId }) => sessionId);
}

/** What a store asks for sessions, with the values in it. @param sessions the table */
export async function statementOf(sessions: string, query: SessionQuery): Promise<string> {
  let asked = '';
  const same = (text: string): string => text;
  const ask: Dialect['ask'] = async (statement, values) => {
    asked = statement.replaceAll(/\$(\d+)/g, (_, position: string) => {
      const value = values[Number(position) - 1];
      return typeof value === 'string' ? `'${value}'` : String(value);
    });
    return [];
  };
  const dialect = { sessions, mark: (position: number) => `$${position}`, toText: same, fromText: same, ask };
  await Array.fromAsync(selectSessions(dialect, query));
  return asked;
}

/**
 * That a log of long lines is not read at once: of eight lines of 3 MB the last ones are read after the first was taken,
 * and are then what they were changed to meanwhile.
 *
 * @param change makes a line of session s1 the word `changed`
 */
export async function expectFewAtATime(store: Store, change: (seq: number) => Promise<unknown>): Promise<void> {
  const user = 'u'.repeat(3_000_000);
  const records = sampleSession('s1', 4, false).slice(0, 8);
  for (const record of records) await store.append('s1', [{ ...record, invoking_user: user }]);
  const lines: string[] = [];
  for await (const line of store.lines('s1')) {
    if (lines.length === 0) for (const seq of [2, 7]) await change(seq);
    lines.push(line);
  }
  expect(lines.map((line) => line === 'changed')).toEqual(records.map(({ seq }) => seq === 2 || seq === 7));
}

/** What a session's row must say of its last line. */
export function headOf(lines: readonly string[]): Pick<SessionRow, 'lastSeq' | 'lastHash' | 'lastTs'> {
  const { seq, hash, ts } = JSON.parse(lines.at(-1) ?? '') as ChainedRecord;
  return { lastSeq: seq, lastHash: hash, lastTs: ts };
}
