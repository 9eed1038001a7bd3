import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { ENTRY_EVERY_RECORDS } from '../core/entry.ts';
import { IS_ENDED, SESSION_COLUMNS } from './session-rows.ts';
import { SWITCH_COLUMNS } from './switch-rows.ts';

/** A condition on a session: it keeps no bytes any more. */
const REFUSES_BLOBS = `erased = 1 AND ${IS_ENDED}`;

/** The statements of a SQLite store. */
export const SQLITE_SQL = {
  head: 'SELECT last_seq AS seq, last_hash AS hash, last_event AS event FROM sessions WHERE session_id = ?',
  begin: `INSERT INTO sessions (last_seq, last_hash, last_ts, last_event, session_id, started, agent_identity, invoking_user)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  extend: 'UPDATE sessions SET last_seq = ?, last_hash = ?, last_ts = ?, last_event = ? WHERE session_id = ?',
  insert: 'INSERT INTO records (session_id, seq, line) VALUES (?, ?, ?)',
  line: 'SELECT line FROM records WHERE session_id = ? AND seq = ?',
  page: 'SELECT seq, line FROM records WHERE session_id = ? AND seq > ? ORDER BY seq LIMIT ?',
  claim: 'INSERT INTO claims (session_id, seq) VALUES (?, ?) ON CONFLICT DO NOTHING',
  putBlob: `INSERT INTO blobs (session_id, sha256, bytes) SELECT ?1, ?2, ?3
    WHERE NOT EXISTS (SELECT 1 FROM sessions WHERE session_id = ?1 AND ${REFUSES_BLOBS}) ON CONFLICT DO NOTHING`,
  refusesBlobs: `SELECT 1 FROM sessions WHERE session_id = ? AND ${REFUSES_BLOBS}`,
  refuseBlobs: 'UPDATE sessions SET erased = 1 WHERE session_id = ?',
  getBlob: 'SELECT bytes FROM blobs WHERE session_id = ? AND sha256 = ?',
  countBlobs: 'SELECT count(*) AS blobs, coalesce(sum(length(bytes)), 0) AS bytes FROM blobs WHERE session_id = ?',
  deleteBlobs: 'DELETE FROM blobs WHERE session_id = ?',
  putContract: 'INSERT INTO contracts (sha256, json) VALUES (?, ?) ON CONFLICT DO NOTHING',
  getContract: 'SELECT json FROM contracts WHERE sha256 = ?',
  treeSize: 'SELECT coalesce(max(position) + 1, 0) AS size FROM entries',
  addEntry: 'INSERT INTO entries (position, entry) VALUES (?, ?)',
  seal: 'UPDATE sessions SET sealed_seq = ?1, sealed_ts = ?2 WHERE session_id = ?3 AND sealed_seq < ?1',
  entries: 'SELECT position, entry FROM entries WHERE position > ? AND position < ? ORDER BY position LIMIT ?',
  /** Through the index of sessions that are not sealed to their end: those that are cost nothing. */
  due: `SELECT ${SESSION_COLUMNS} FROM sessions WHERE sealed_seq < last_seq AND (?1 IS NULL OR ${IS_ENDED}
    OR last_seq - sealed_seq >= ${ENTRY_EVERY_RECORDS} OR coalesce(sealed_ts, started) <= ?1) ORDER BY number LIMIT ?2`,
  lastCheckpoint: 'SELECT number, note FROM checkpoints ORDER BY number DESC LIMIT 1',
  checkpoints: 'SELECT number, note FROM checkpoints WHERE number > ? ORDER BY number LIMIT ?',
  turnSwitch: 'INSERT INTO switch_changes (agent, is_on, by_whom, reason, at) VALUES (?, ?, ?, ?, ?)',
  switchesOn: `SELECT ${SWITCH_COLUMNS} FROM switch_changes
    WHERE is_on = 1 AND number IN (SELECT max(number) FROM switch_changes GROUP BY agent) ORDER BY agent`,
  switchChanges: `SELECT ${SWITCH_COLUMNS} FROM switch_changes ORDER BY number DESC LIMIT ?`,
  addCheckpoint: `INSERT INTO checkpoints (number, note)
    SELECT ?1, ?2 WHERE ?1 = (SELECT coalesce(max(number) + 1, 0) FROM checkpoints)`,
} as const;

/** The statements of a SQLite store, ready to run. */
export type SqliteStatements = Readonly<Record<keyof typeof SQLITE_SQL, StatementSync>>;

/** Prepares the statements of a store. */
export function prepareSqlite(database: DatabaseSync): SqliteStatements {
  const prepared = Object.entries(SQLITE_SQL).map(([name, statement]) => [name, database.prepare(statement)]);
  return Object.fromEntries(prepared) as SqliteStatements;
}
