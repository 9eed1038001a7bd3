/**
 * The SQLite store's schema: each entry takes it from the version of its index to the next. Never change one that was
 * released.
 */
export const SQLITE_VERSIONS: readonly string[] = [
  `CREATE TABLE records (
     session_id TEXT NOT NULL,
     seq INTEGER NOT NULL,
     ts TEXT NOT NULL,
     event TEXT NOT NULL,
     hash TEXT NOT NULL,
     line TEXT NOT NULL,
     UNIQUE (session_id, seq)
   ) STRICT;
   CREATE INDEX records_first ON records (ts) WHERE seq = 0;
   CREATE TABLE claims (
     session_id TEXT NOT NULL,
     seq INTEGER NOT NULL,
     PRIMARY KEY (session_id, seq)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE blobs (
     session_id TEXT NOT NULL,
     sha256 TEXT NOT NULL,
     bytes BLOB NOT NULL,
     UNIQUE (session_id, sha256)
   ) STRICT;
   CREATE TABLE contracts (
     sha256 TEXT NOT NULL UNIQUE,
     json TEXT NOT NULL
   ) STRICT;`,
  // Sessions, as an index of the logs, and the log of logs. `records` loses the columns that its lines hold: a process of
  // version 1 that still runs is refused by that, instead of appending past the index.
  `CREATE TABLE sessions (
     number INTEGER PRIMARY KEY,
     session_id TEXT NOT NULL UNIQUE,
     agent_identity TEXT NOT NULL,
     invoking_user TEXT NOT NULL,
     started TEXT NOT NULL,
     last_seq INTEGER NOT NULL,
     last_hash TEXT NOT NULL,
     last_ts TEXT NOT NULL,
     last_event TEXT NOT NULL,
     sealed_seq INTEGER NOT NULL DEFAULT -1,
     sealed_ts TEXT
   ) STRICT;
   INSERT INTO sessions (session_id, agent_identity, invoking_user, started, last_seq, last_hash, last_ts, last_event)
     SELECT first.session_id, first.line ->> 'agent_identity', first.line ->> 'invoking_user', first.ts,
       last.seq, last.hash, last.ts, last.event
     FROM records AS first JOIN records AS last ON last.session_id = first.session_id
       AND last.seq = (SELECT max(seq) FROM records WHERE session_id = first.session_id)
     WHERE first.seq = 0 ORDER BY first.rowid;
   CREATE INDEX sessions_started ON sessions (started);
   CREATE INDEX sessions_unsealed ON sessions (number) WHERE sealed_seq < last_seq;
   CREATE TABLE lines (
     session_id TEXT NOT NULL,
     seq INTEGER NOT NULL,
     line TEXT NOT NULL,
     UNIQUE (session_id, seq)
   ) STRICT;
   INSERT INTO lines (session_id, seq, line) SELECT session_id, seq, line FROM records ORDER BY rowid;
   DROP TABLE records;
   ALTER TABLE lines RENAME TO records;
   CREATE TABLE entries (
     position INTEGER PRIMARY KEY,
     entry TEXT NOT NULL
   ) STRICT;
   CREATE TABLE checkpoints (
     number INTEGER PRIMARY KEY,
     note TEXT NOT NULL
   ) STRICT;`,
  // Kill switches: every change of one, the last one counts. An empty agent is for all.
  `CREATE TABLE switch_changes (
     number INTEGER PRIMARY KEY,
     agent TEXT NOT NULL,
     is_on INTEGER NOT NULL,
     by_whom TEXT NOT NULL,
     reason TEXT,
     at TEXT NOT NULL
   ) STRICT;
   CREATE INDEX switch_changes_agent ON switch_changes (agent, number);`,
  // Sessions whose bytes were erased: while their logs are ended they get no others.
  'ALTER TABLE sessions ADD COLUMN erased INTEGER NOT NULL DEFAULT 0;',
];
