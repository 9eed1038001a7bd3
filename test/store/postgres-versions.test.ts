import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openStore } from '../../src/store/open.ts';
import { toText } from '../../src/store/postgres-text.ts';
import { POSTGRES_VERSIONS } from '../../src/store/postgres-versions.ts';
import { type Postgres, startPostgres } from '../harness/postgres.ts';
import { sha256 } from '../suites/sample-session.ts';
import { expectBroughtOver, oldHeads, oldRecords } from '../suites/store-version-1.ts';

let server: Postgres;

beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.dispose());

test('a released version is as it was', () => {
  expect(sha256(POSTGRES_VERSIONS[0]!)).toBe('ff864fc7fb1145f0845985ae058923faee8a08d04e9bd3f56595bfc1758ae8ff');
});

test('a schema of version 1 is brought over with all that it holds, once, by whoever of many comes first', async () => {
  await makeOld('old');
  const url = server.url({ schema: 'old' });
  const [store, ...more] = await Promise.all(Array.from({ length: 4 }, () => openStore(url, '/')));
  const fresh = await openStore(server.url({ schema: 'fresh' }), '/');
  await expectBroughtOver(store!, fresh);
  expect(await schemaOf('old')).toEqual(await schemaOf('fresh'));
  expect(await server.sql('SELECT version FROM old.aegrail_versions')).toEqual([
    { version: 1 },
    { version: 2 },
    { version: 3 },
    { version: 4 },
  ]);
  for (const each of [store!, fresh, ...more]) await each.close();
});

test('a worker of version 1 that still runs is refused from then on', async () => {
  await makeOld('stays');
  const insert = (seq: number): Promise<unknown> =>
    server.sql(`INSERT INTO stays.records (session_id, seq, ts, event, hash, line)
      VALUES ('begun', ${seq}, 'ts', 'session_ended', 'hash', '{}')`);
  await insert(1);
  await (await openStore(server.url({ schema: 'stays' }), '/')).close();
  await expect(insert(2)).rejects.toThrow(/column "ts" of relation "records" does not exist/);
});

test('a schema that can not be brought over stays as it was', async () => {
  await makeOld('torn');
  await server.sql(`UPDATE torn.records SET line = '{"a"' WHERE session_id = 'begun' AND seq = 0`);
  const before = await schemaOf('torn');
  await expect(openStore(server.url({ schema: 'torn' }), '/')).rejects.toThrow(
    /schema torn, can not be opened: invalid input syntax for type json/,
  );
  expect(await schemaOf('torn')).toEqual(before);
  expect(await server.sql('SELECT version FROM torn.aegrail_versions')).toEqual([{ version: 1 }]);
});

/** A schema as version 1 left it. */
async function makeOld(schema: string): Promise<void> {
  const client = new pg.Client(server.url());
  await client.connect();
  const at = pg.escapeIdentifier(schema);
  await client.query(`CREATE SCHEMA ${at}`);
  await client.query(`SET search_path TO ${at}`);
  await client.query(
    'CREATE TABLE aegrail_versions (version integer PRIMARY KEY, made_at timestamptz NOT NULL DEFAULT now())',
  );
  await client.query('INSERT INTO aegrail_versions (version) VALUES (1)');
  await client.query(POSTGRES_VERSIONS[0]!);
  for (const { record, line } of oldRecords()) {
    await client.query('INSERT INTO records (session_id, seq, ts, event, hash, line) VALUES ($1, $2, $3, $4, $5, $6)', [
      toText(record.session_id),
      record.seq,
      toText(record.ts),
      toText(record.event),
      record.hash,
      line,
    ]);
  }
  const started = oldRecords()[0]!.record.ts;
  for (const { record } of oldHeads()) {
    await client.query('INSERT INTO sessions (session_id, ts, last_seq, last_hash) VALUES ($1, $2, $3, $4)', [
      toText(record.session_id),
      toText(started),
      record.seq,
      record.hash,
    ]);
  }
  await client.query("INSERT INTO claims (session_id, seq) VALUES ('open', 1)");
  await client.end();
}

/** Columns and indexes, apart from the order of columns. */
async function schemaOf(schema: string): Promise<unknown> {
  const columns = await server.sql(
    `SELECT table_name, column_name, data_type, collation_name, is_nullable, column_default, generation_expression
     FROM information_schema.columns WHERE table_schema = '${schema}' ORDER BY table_name, column_name`,
  );
  const indexes = await server.sql(
    `SELECT tablename, indexname, replace(indexdef, '${schema}.', '') AS indexdef FROM pg_indexes
     WHERE schemaname = '${schema}' ORDER BY indexname`,
  );
  return { columns, indexes };
}
