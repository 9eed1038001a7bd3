/**
 * A record's line in which every text is as the other columns have texts (`toText` of postgres-text.ts), so that it can be
 * read as JSON and taken apart: `json` has no NUL. First each escaped backslash makes way for a character that JSON never
 * has as it is; what then looks like an escaped NUL is one.
 */
const LINE_AS_TEXTS = String.raw`replace(replace(replace(replace(line, $$\\$$, chr(1)), $$\u0000$$, chr(2)),
  chr(2), $$\\0$$), chr(1), $$\\\\$$)`;

/**
 * The PostgreSQL store's schema: each entry takes it from the version of its index to the next. Never change one that was
 * released. Texts are compared as bytes, as SQLite does it, whatever the database's collation is. `sessions` holds each
 * log's head: its row is what workers that append to the same session wait for.
 */
export const POSTGRES_VERSIONS: readonly string[] = [
  `CREATE TABLE sessions (
     session_id text COLLATE "C" PRIMARY KEY,
     number bigint GENERATED ALWAYS AS IDENTITY,
     ts text COLLATE "C" NOT NULL,
     last_seq bigint NOT NULL,
     last_hash text NOT NULL
   );
   CREATE INDEX sessions_newest ON sessions (ts DESC, number DESC);
   CREATE TABLE records (
     session_id text COLLATE "C" NOT NULL,
     seq bigint NOT NULL,
     ts text NOT NULL,
     event text NOT NULL,
     hash text NOT NULL,
     line text NOT NULL,
     PRIMARY KEY (session_id, seq)
   );
   CREATE TABLE claims (
     session_id text COLLATE "C" NOT NULL,
     seq bigint NOT NULL,
     PRIMARY KEY (session_id, seq)
   );
   CREATE TABLE blobs (
     session_id text COLLATE "C" NOT NULL,
     sha256 text COLLATE "C" NOT NULL,
     bytes bytea NOT NULL,
     PRIMARY KEY (session_id, sha256)
   );
   CREATE TABLE contracts (
     sha256 text COLLATE "C" PRIMARY KEY,
     json text NOT NULL
   );`,
  // Sessions say what their logs are, and the log of logs. `records` loses the columns that its lines hold: a worker of
  // version 1 that still runs is refused by that, instead of appending past the index. `unsealed` is a column and no
  // condition of its index, so that an append, which seldom changes it, touches no index. `tree` is one row, which those
  // who append entries wait for.
  `ALTER TABLE sessions RENAME COLUMN ts TO started;
   ALTER INDEX sessions_newest RENAME TO sessions_started;
   ALTER TABLE sessions
     ADD COLUMN agent_identity text COLLATE "C",
     ADD COLUMN invoking_user text COLLATE "C",
     ADD COLUMN last_ts text COLLATE "C",
     ADD COLUMN last_event text COLLATE "C",
     ADD COLUMN sealed_seq bigint NOT NULL DEFAULT -1,
     ADD COLUMN sealed_ts text COLLATE "C",
     ADD COLUMN unsealed boolean GENERATED ALWAYS AS (sealed_seq < last_seq) STORED;
   UPDATE sessions SET agent_identity = first.texts ->> 'agent_identity', invoking_user = first.texts ->> 'invoking_user',
       last_ts = last.ts, last_event = last.event
     FROM (SELECT session_id, (${LINE_AS_TEXTS})::json AS texts FROM records WHERE seq = 0) AS first, records AS last
     WHERE first.session_id = sessions.session_id AND last.session_id = sessions.session_id AND last.seq = last_seq;
   ALTER TABLE sessions
     ALTER COLUMN agent_identity SET NOT NULL,
     ALTER COLUMN invoking_user SET NOT NULL,
     ALTER COLUMN last_ts SET NOT NULL,
     ALTER COLUMN last_event SET NOT NULL;
   CREATE INDEX sessions_unsealed ON sessions (number) WHERE unsealed;
   ALTER TABLE records DROP COLUMN ts, DROP COLUMN event, DROP COLUMN hash;
   CREATE TABLE tree (
     one boolean PRIMARY KEY DEFAULT true CHECK (one),
     size bigint NOT NULL
   );
   INSERT INTO tree (size) VALUES (0);
   CREATE TABLE entries (
     position bigint PRIMARY KEY,
     entry text NOT NULL
   );
   CREATE TABLE checkpoints (
     number bigint PRIMARY KEY,
     note text NOT NULL
   );`,
  // Kill switches: every change of one, the last one counts. An empty agent is for all. A role that was given rights on the
  // tables that there were needs SELECT on this one, and INSERT where it turns them.
  `CREATE TABLE switch_changes (
     number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
     agent text COLLATE "C" NOT NULL,
     is_on boolean NOT NULL,
     by_whom text NOT NULL,
     reason text,
     at text NOT NULL
   );
   CREATE INDEX switch_changes_agent ON switch_changes (agent, number);`,
  // Sessions whose bytes were erased: while their logs are ended they get no others.
  'ALTER TABLE sessions ADD COLUMN erased boolean NOT NULL DEFAULT false;',
];
