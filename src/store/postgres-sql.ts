import pg from 'pg';

/** The statements of a store in one schema. Values are parameters, all of them. */
export function postgresSql(schema: string) {
  const at = pg.escapeIdentifier(schema);
  /** Records that are stored when, and only when, the statement moved the session's head. */
  const ifHeadMoved = `INSERT INTO ${at}.records (session_id, seq, ts, event, hash, line)
    SELECT $1::text, new.* FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[]) AS new
    WHERE EXISTS (SELECT FROM head)`;
  /** Fails, and the whole statement with it, when the call was claimed before. */
  const claimed = `INSERT INTO ${at}.claims (session_id, seq)
    SELECT $1::text, $9::bigint WHERE $9::bigint IS NOT NULL AND EXISTS (SELECT FROM head)`;
  return {
    /** A session's head, with the stored lines of the given seqs; no row when it has no records. */
    head: `SELECT s.last_seq, s.last_hash, h.event AS last_event, r.seq, r.line FROM ${at}.sessions s
      LEFT JOIN ${at}.records h ON h.session_id = s.session_id AND h.seq = s.last_seq
      LEFT JOIN ${at}.records r ON r.session_id = s.session_id AND r.seq = ANY ($2::bigint[]) WHERE s.session_id = $1`,
    /** Appends a session's first records, unless it has some, and claims a call. */
    begin: `WITH head AS (
        INSERT INTO ${at}.sessions (session_id, last_seq, last_hash, ts) VALUES ($1::text, $7, $8, $10)
        ON CONFLICT DO NOTHING RETURNING 1
      ), claimed AS (${claimed}) ${ifHeadMoved}`,
    /** Appends records, unless the head is another one than they were chained to, and claims a call. */
    extend: `WITH head AS (
        UPDATE ${at}.sessions SET last_seq = $7, last_hash = $8
        WHERE session_id = $1::text AND last_seq = $10 AND last_hash = $11 RETURNING 1
      ), claimed AS (${claimed}) ${ifHeadMoved}`,
    line: `SELECT line FROM ${at}.records WHERE session_id = $1 AND seq = $2`,
    page: `SELECT seq, line FROM ${at}.records WHERE session_id = $1 AND seq >= $2 ORDER BY seq LIMIT $3`,
    sessions: `SELECT session_id FROM ${at}.sessions ORDER BY ts DESC, number DESC LIMIT $1`,
    /** Claims a call with no records to append. */
    claim: `INSERT INTO ${at}.claims (session_id, seq) VALUES ($1, $2) ON CONFLICT DO NOTHING`,
    putBlob: `INSERT INTO ${at}.blobs (session_id, sha256, bytes) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
    getBlob: `SELECT bytes FROM ${at}.blobs WHERE session_id = $1 AND sha256 = $2`,
    putContract: `INSERT INTO ${at}.contracts (sha256, json) VALUES ($1, $2) ON CONFLICT DO NOTHING`,
    getContract: `SELECT json FROM ${at}.contracts WHERE sha256 = $1`,
  };
}

/** PostgreSQL's texts hold every character but NUL: it is written `\0`, and a backslash twice. Most texts stay as they are. */
export function toText(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\u0000', '\\0');
}

/** The inverse of {@link toText}. */
export function fromText(text: string): string {
  return text.replace(/\\([\\0])/g, (_, escaped: string) => (escaped === '0' ? '\u0000' : '\\'));
}
