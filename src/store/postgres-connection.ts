import pg from 'pg';
import { AegrailError, messageOf } from '../core/errors.ts';

/** Connections that one store keeps at most. Appends are short: more of them would only wait for the same disk. */
const POOL_CONNECTIONS = 8;
/** Longest wait for a connection, new or from the pool. */
const CONNECT_TIMEOUT_MS = 10_000;
/** Longest that the server works on a statement, waiting for locks included. As long as SQLite waits for a lock. */
const STATEMENT_TIMEOUT_MS = 10_000;
/** Longest that we wait for a statement's answer: a server that lives ends the statement before. */
const ANSWER_TIMEOUT_MS = 15_000;

const DEFAULT_SCHEMA = 'aegrail';
const SCHEMA_NAME = /^(?!pg_)[a-z_][a-z0-9_]{0,62}$/;

/** A database to keep a store in, and how to speak of it: without user and password. */
export interface PostgresDatabase {
  readonly pool: pg.Pool;
  readonly schema: string;
  readonly name: string;
}

/**
 * A pool for a URL. It connects when it is first used, and again after the server was away.
 *
 * @param url `postgres://user:password@host:port/database?sslmode=…&schema=…`; every other option is as `pg` reads it
 * @throws AegrailError CONFIG_INVALID, which shows no part of the url, when it is none
 */
export function connectPostgres(url: string): PostgresDatabase {
  const target = URL.parse(url);
  if (target === null) {
    throw invalid(
      'not a URL: write postgres://user:password@host:port/database, with /, @ and % in a password as %2F, %40 and %25',
    );
  }
  const schema = take(target, 'schema') ?? DEFAULT_SCHEMA;
  if (!SCHEMA_NAME.test(schema)) {
    throw invalid(`schema=${schema}: use lower-case letters, digits and "_", at most 63, and no "pg_" in front`);
  }
  const name = `PostgreSQL at ${target.host || 'this machine'}${target.pathname}, schema ${schema},`;
  const options = sessionOptions(take(target, 'options'));
  const pool = new pg.Pool({
    application_name: 'aegrail',
    connectionString: target.href,
    options,
    max: POOL_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: ANSWER_TIMEOUT_MS,
    keepAlive: true,
  });
  // An idle connection that breaks is dropped by the pool. Whether the server is there, the next statement will say. The
  // error carries the connection with its password in clear: it goes no further.
  pool.on('error', () => undefined);
  return { pool, schema, name };
}

/** What is wrong, in words. A refused connection to a name with several addresses has an empty message of its own. */
export function reasonOf(thrown: unknown): string {
  if (thrown instanceof AggregateError && thrown.message === '') return thrown.errors.map(messageOf).join('; ');
  return messageOf(thrown);
}

/**
 * The server's settings that a store relies on, whatever the role's defaults are. A commit is on disk when it returns,
 * and a statement sees what was committed before it began.
 */
function sessionOptions(ofUrl: string | undefined): string {
  return [
    `-c statement_timeout=${STATEMENT_TIMEOUT_MS}`,
    `-c idle_in_transaction_session_timeout=${STATEMENT_TIMEOUT_MS}`,
    ...(ofUrl === undefined ? [] : [ofUrl]),
    '-c synchronous_commit=on',
    String.raw`-c default_transaction_isolation=read\ committed`,
  ].join(' ');
}

function take(url: URL, parameter: string): string | undefined {
  const value = url.searchParams.get(parameter) ?? undefined;
  url.searchParams.delete(parameter);
  return value;
}

function invalid(why: string): AegrailError {
  return new AegrailError('CONFIG_INVALID', `store: ${why}`);
}
