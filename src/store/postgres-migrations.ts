import pg from 'pg';
import { AegrailError } from '../core/errors.ts';
import type { PostgresDatabase } from './postgres-connection.ts';
import { type SchemaWait, takeTurn } from './postgres-turn.ts';
import { POSTGRES_VERSIONS } from './postgres-versions.ts';

/** How long a version may take to be made of the one before it: it may have to go through every record. */
const VERSION_TIMEOUT_MS = 3_600_000;

/** Which versions of the schema were made, and when. Its name tells our schemas from those of others. */
const VERSIONS_TABLE = 'aegrail_versions';

const RELATIONS = 'SELECT FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE nspname = $1';

/** A query with a time of its own for its answer, which `pg` reads and its types leave out. */
interface LongQuery extends pg.QueryConfig {
  readonly query_timeout: number;
}

/**
 * Brings a schema to this release's version, and makes it when it is not there. Workers that start at once wait for each
 * other. A schema that is up to date is only read, so that a worker's role needs no right to create.
 *
 * @throws AegrailError CONFIG_INVALID when a newer release wrote the schema, another program did, or the database can't
 *   hold every text; AUDIT_UNAVAILABLE when another worker was waited for in vain
 */
export async function migratePostgres(database: PostgresDatabase, waiting: SchemaWait): Promise<void> {
  const { pool, schema, name } = database;
  const client = await pool.connect();
  // A connection that breaks fails the query too, which is where it is dealt with; unheard, it would end the process.
  client.on('error', ignore);
  try {
    if ((await versionOf(client, schema, name)) !== POSTGRES_VERSIONS.length) await bringUp(client, database, waiting);
    client.off('error', ignore);
    client.release();
  } catch (error) {
    // The connection may be in a transaction, or broken: it is closed, and the server rolls back.
    client.release(true);
    throw error;
  }
}

async function bringUp(client: pg.ClientBase, database: PostgresDatabase, waiting: SchemaWait): Promise<void> {
  const { schema, name } = database;
  const quoted = pg.escapeIdentifier(schema);
  await client.query('BEGIN');
  await takeTurn(client, database, waiting);
  // What it was before the lock was had is out of date.
  const found = await versionOf(client, schema, name);
  if (found === null) await create(client, schema, name);
  await client.query(`SET LOCAL search_path TO ${quoted}`);
  await client.query(`SET LOCAL statement_timeout = ${VERSION_TIMEOUT_MS}`);
  for (let from = found ?? 0; from < POSTGRES_VERSIONS.length; from++) {
    const version: LongQuery = { text: POSTGRES_VERSIONS[from]!, query_timeout: VERSION_TIMEOUT_MS };
    await client.query(version);
    await client.query(`INSERT INTO ${VERSIONS_TABLE} (version) VALUES ($1)`, [from + 1]);
  }
  await client.query('COMMIT');
}

/**
 * The schema's version, or null when it holds nothing of ours. The catalogue is asked as a table: to_regclass and its
 * like answer from the connection's cache, which may not know yet what another worker has made.
 */
async function versionOf(client: pg.ClientBase, schema: string, name: string): Promise<number | null> {
  const { rowCount } = await client.query(`${RELATIONS} AND relname = $2`, [schema, VERSIONS_TABLE]);
  if (rowCount === 0) return null;
  const table = `${pg.escapeIdentifier(schema)}.${VERSIONS_TABLE}`;
  const { rows } = await client.query<{ version: number }>(`SELECT coalesce(max(version), 0) AS version FROM ${table}`);
  const version = Number(rows[0]?.version);
  if (version <= POSTGRES_VERSIONS.length) return version;
  const versions = `its version is ${version}, and this release knows ${POSTGRES_VERSIONS.length}`;
  throw new AegrailError(
    'CONFIG_INVALID',
    `the store ${name} was written by a newer release of aegrail (${versions}): use that release`,
  );
}

async function create(client: pg.ClientBase, schema: string, name: string): Promise<void> {
  const { rows } = await client.query<{ encoding: string; there: boolean; used: boolean }>(
    `SELECT current_setting('server_encoding') AS encoding, EXISTS (${RELATIONS}) AS used,
       EXISTS (SELECT FROM pg_namespace WHERE nspname = $1) AS there`,
    [schema],
  );
  const [{ encoding, there, used } = { encoding: '', there: false, used: false }] = rows;
  if (encoding !== 'UTF8') {
    throw new AegrailError(
      'CONFIG_INVALID',
      `the store ${name} is in a database with encoding ${encoding}: it must be UTF8`,
    );
  }
  if (used) {
    throw new AegrailError(
      'CONFIG_INVALID',
      `the store ${name} is where another program has its tables: give aegrail a schema of its own, with ?schema=NAME`,
    );
  }
  const quoted = pg.escapeIdentifier(schema);
  // With IF NOT EXISTS the right to create schemas would be needed even where it exists.
  if (!there) await client.query(`CREATE SCHEMA ${quoted}`);
  await client.query(
    `CREATE TABLE ${quoted}.${VERSIONS_TABLE} (version integer PRIMARY KEY, made_at timestamptz NOT NULL DEFAULT now())`,
  );
}

function ignore(): void {}
