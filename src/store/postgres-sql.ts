import pg from 'pg';
import { ENTRY_EVERY_RECORDS } from '../core/entry.ts';
import { IS_ENDED, SESSION_COLUMNS } from './session-rows.ts';
import { SWITCH_COLUMNS } from './switch-rows.ts';

/** The statements of a store in one schema. Values are parameters, all of them. */
export function postgresSql(schema: string) {
  const at = pg.escapeIdentifier(schema);
  /** Records that are stored when, and only when, the statement moved the session's head. */
  const ifHeadMoved = `INSERT INTO ${at}.records (session_id, seq, line)
    SELECT $1::text, new.* FROM unnest($2::bigint[], $3::text[]) AS new WHERE EXISTS (SELECT FROM head)`;
  /** Fails, and the whole statement with it, when the call was claimed before. */
  const claimed = `INSERT INTO ${at}.claims (session_id, seq)
    SELECT $1::text, $8::bigint WHERE $8::bigint IS NOT NULL AND EXISTS (SELECT FROM head)`;
  return {
    /** A session's head, with the stored lines of the given seqs; no row when it has no records. */
    head: `SELECT s.last_seq, s.last_hash, s.last_event, r.seq, r.line FROM ${at}.sessions s
      LEFT JOIN ${at}.records r ON r.session_id = s.session_id AND r.seq = ANY ($2::bigint[]) WHERE s.session_id = $1`,
    /** Appends a session's first records, unless it has some, and claims a call. */
    begin: `WITH head AS (
        INSERT INTO ${at}.sessions
          (session_id, last_seq, last_hash, last_ts, last_event, started, agent_identity, invoking_user)
        VALUES ($1::text, $4, $5, $6, $7, $9, $10, $11) ON CONFLICT DO NOTHING RETURNING 1
      ), claimed AS (${claimed}) ${ifHeadMoved}`,
    /** Appends records, unless the head is another one than they were chained to, and claims a call. */
    extend: `WITH head AS (
        UPDATE ${at}.sessions SET last_seq = $4, last_hash = $5, last_ts = $6, last_event = $7
        WHERE session_id = $1::text AND last_seq = $9 AND last_hash = $10 RETURNING 1
      ), claimed AS (${claimed}) ${ifHeadMoved}`,
    line: `SELECT line FROM ${at}.records WHERE session_id = $1 AND seq = $2`,
    /** At most $3 lines after a seq, up to the one that makes them longer than $4 bytes. */
    page: `SELECT seq, line FROM (
        SELECT seq, line, sum(octet_length(line)) OVER (ORDER BY seq) - octet_length(line) AS before
        FROM (SELECT seq, line FROM ${at}.records WHERE session_id = $1 AND seq > $2 ORDER BY seq LIMIT $3) AS few
      ) AS measured WHERE before < $4 ORDER BY seq`,
    /** Claims a call with no records to append. */
    claim: `INSERT INTO ${at}.claims (session_id, seq) VALUES ($1, $2) ON CONFLICT DO NOTHING`,
    /**
     * Keeps bytes, unless they were erased for good. The lock has whoever erases wait for it, and sees what was erased before;
     * those who append are not in its way.
     */
    putBlob: `WITH head AS (
        SELECT erased AND ${IS_ENDED} AS refuses FROM ${at}.sessions WHERE session_id = $1::text FOR KEY SHARE
      ), put AS (
        INSERT INTO ${at}.blobs (session_id, sha256, bytes) SELECT $1::text, $2::text, $3::bytea
        WHERE NOT EXISTS (SELECT FROM head WHERE refuses) ON CONFLICT DO NOTHING
      ) SELECT EXISTS (SELECT FROM head WHERE refuses) AS refuses`,
    /** Waits for those that are about to keep bytes: what is asked next sees all that they kept. */
    refuseBlobs: `WITH held AS (SELECT session_id FROM ${at}.sessions WHERE session_id = $1 FOR UPDATE)
      UPDATE ${at}.sessions AS s SET erased = true FROM held WHERE s.session_id = held.session_id`,
    getBlob: `SELECT bytes FROM ${at}.blobs WHERE session_id = $1 AND sha256 = $2`,
    countBlobs: `SELECT count(*) AS blobs, coalesce(sum(octet_length(bytes)), 0) AS bytes
      FROM ${at}.blobs WHERE session_id = $1`,
    eraseBlobs: `WITH erased AS (DELETE FROM ${at}.blobs WHERE session_id = $1 RETURNING octet_length(bytes) AS bytes)
      SELECT count(*) AS blobs, coalesce(sum(bytes), 0) AS bytes FROM erased`,
    putContract: `INSERT INTO ${at}.contracts (sha256, json) VALUES ($1, $2) ON CONFLICT DO NOTHING`,
    getContract: `SELECT json FROM ${at}.contracts WHERE sha256 = $1`,
    sessions: `${at}.sessions`,
    turnSwitch: `INSERT INTO ${at}.switch_changes (agent, is_on, by_whom, reason, at) VALUES ($1, $2, $3, $4, $5)`,
    switchesOn: `SELECT ${SWITCH_COLUMNS} FROM ${at}.switch_changes
      WHERE is_on AND number IN (SELECT max(number) FROM ${at}.switch_changes GROUP BY agent) ORDER BY agent`,
    switchChanges: `SELECT ${SWITCH_COLUMNS} FROM ${at}.switch_changes ORDER BY number DESC LIMIT $1`,
    ...treeSql(at),
  };
}

/** The statements of a store's log of logs. */
function treeSql(at: string) {
  return {
    treeSize: `SELECT size FROM ${at}.tree`,
    /** Whether the tree had the size, which is then its size no more: who comes second waits for its row, and sees that. */
    treeAppend: `WITH moved AS (
        UPDATE ${at}.tree SET size = size + cardinality($2::text[]) WHERE size = $1 RETURNING 1
      ), added AS (
        INSERT INTO ${at}.entries (position, entry) SELECT $1 + nth - 1, entry
        FROM unnest($2::text[]) WITH ORDINALITY AS new (entry, nth) WHERE EXISTS (SELECT FROM moved)
      ), sealed AS (
        UPDATE ${at}.sessions AS s SET sealed_seq = new.seq, sealed_ts = new.ts
        FROM (
          SELECT DISTINCT ON (session_id) * FROM unnest($3::text[], $4::bigint[], $5::text[]) AS given (session_id, seq, ts)
          ORDER BY session_id, seq DESC
        ) AS new
        WHERE s.session_id = new.session_id AND s.sealed_seq < new.seq AND EXISTS (SELECT FROM moved)
      ) SELECT EXISTS (SELECT FROM moved) AS moved`,
    entries: `SELECT position, entry FROM ${at}.entries WHERE position > $1 AND position < $2 ORDER BY position LIMIT $3`,
    /** Through the index of sessions that are not sealed to their end: those that are cost nothing. */
    due: `SELECT ${SESSION_COLUMNS} FROM ${at}.sessions WHERE unsealed AND ($1::text IS NULL OR ${IS_ENDED}
      OR last_seq - sealed_seq >= ${ENTRY_EVERY_RECORDS} OR coalesce(sealed_ts, started) <= $1::text)
      ORDER BY number LIMIT $2`,
    lastCheckpoint: `SELECT number, note FROM ${at}.checkpoints ORDER BY number DESC LIMIT 1`,
    checkpoints: `SELECT number, note FROM ${at}.checkpoints WHERE number > $1 ORDER BY number LIMIT $2`,
    addCheckpoint: `INSERT INTO ${at}.checkpoints (number, note) SELECT $1::bigint, $2::text
      WHERE $1 = (SELECT coalesce(max(number) + 1, 0) FROM ${at}.checkpoints) ON CONFLICT DO NOTHING`,
  };
}

/** What {@link postgresSql} gives. */
export type PostgresStatements = ReturnType<typeof postgresSql>;
