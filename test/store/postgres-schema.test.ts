import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AegrailError } from '../../src/core/errors.ts';
import { openStore } from '../../src/store/open.ts';
import { type Postgres, startPostgres } from '../harness/postgres.ts';
import { sampleClaim, sampleSession } from '../suites/sample-session.ts';

let server: Postgres;

beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.dispose());

describe('the schema', () => {
  test('is made once, by whoever of many comes first', async () => {
    for (let round = 0; round < 10; round++) {
      const url = server.url({ schema: `race_${round}` });
      const stores = await Promise.all(Array.from({ length: 4 }, () => openStore(url, '/')));
      const added = await Promise.all(stores.map((store) => store.append('s1', sampleSession('s1', 1))));
      expect(added.map((one) => one.added.length).toSorted((a, b) => a - b)).toEqual([0, 0, 0, 4]);
      expect(await server.sql(`SELECT version FROM race_${round}.aegrail_versions`)).toEqual([
        { version: 1 },
        { version: 2 },
        { version: 3 },
        { version: 4 },
      ]);
      for (const store of stores) await store.close();
    }
  });

  test('is called aegrail when the URL names none', async () => {
    await (await openStore(server.url(), '/')).close();
    expect(
      await server.sql("SELECT FROM pg_tables WHERE schemaname = 'aegrail' AND tablename = 'records'"),
    ).toHaveLength(1);
  });

  test('of a newer release is refused', async () => {
    const url = server.url({ schema: 'newer' });
    await (await openStore(url, '/')).close();
    await server.sql('INSERT INTO newer.aegrail_versions (version) VALUES (99)');
    await refused(url, 'CONFIG_INVALID', /newer release of aegrail \(its version is 99, and this release knows 4\)/);
  });

  test('with tables of others is refused, and left alone', async () => {
    await server.sql('CREATE SCHEMA theirs CREATE TABLE orders (id int)');
    await refused(server.url({ schema: 'theirs' }), 'CONFIG_INVALID', /another program has its tables.*\?schema=NAME/);
    expect(await server.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'theirs'")).toEqual([
      { tablename: 'orders' },
    ]);
  });

  test('in a database that can not hold every text is refused', async () => {
    await server.sql("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0");
    await refused(server.url().replace('/postgres?', '/latin?'), 'CONFIG_INVALID', /encoding LATIN1: it must be UTF8/);
  });

  test.each(['Public', 'pg_mine', 'a"; DROP TABLE x; --', '', '1a'])('is not called %s', async (schema) => {
    await refused(server.url({ schema }), 'CONFIG_INVALID', /lower-case letters/);
  });

  test('once it is there, a role that may only read and write is enough', async () => {
    await (await openStore(server.url({ schema: 'granted' }), '/')).close();
    await server.sql("CREATE ROLE worker LOGIN PASSWORD 'worker'");
    const url = `postgres://worker:worker@127.0.0.1:${server.port}/postgres?schema=granted`;
    await refused(url, 'CONFIG_INVALID', /permission denied for schema granted/);
    await server.sql('GRANT USAGE ON SCHEMA granted TO worker');
    await server.sql('GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA granted TO worker');
    const store = await openStore(url, '/');
    expect(await store.append('s1', sampleSession('s1', 0))).toMatchObject({ lastSeq: 1 });
    const records = sampleSession('s2', 1);
    expect(await store.append('s2', records, sampleClaim(0))).toMatchObject({ claimed: 'first' });
    expect(await store.append('s2', records, sampleClaim(0))).toMatchObject({ claimed: 'again' });
    await store.close();
    await refused(url.replace('granted', 'new'), 'CONFIG_INVALID', /permission denied for database/);
  });
});

describe('the URL', () => {
  test('takes user, password and more from the environment, a password with any characters', async () => {
    const { username, password } = new URL(server.url());
    const env = { U: username, P: decodeURIComponent(password), PORT: String(server.port), WHOLE: server.url() };
    const url = 'postgresql://${U}:${P}@127.0.0.1:${PORT}/postgres?schema=${SCHEMA:-from_env}';
    await (await openStore(url, '/', env)).close();
    await (await openStore('${WHOLE}', '/', env)).close();
    expect(await server.sql("SELECT to_regclass('from_env.records') IS NOT NULL AS made")).toEqual([{ made: true }]);
    await refused(url, 'CONFIG_INVALID', /no variable U;/);
  });

  test('with a wrong password, an unknown user or database is refused, and not shown', async () => {
    const at = `127.0.0.1:${server.port}`;
    await refused(`postgres://aegrail:secret@${at}/postgres`, 'CONFIG_INVALID', /password authentication failed/);
    await refused(`postgres://nobody:secret@${at}/postgres`, 'CONFIG_INVALID', /password authentication failed/);
    await refused(
      server.url().replace('/postgres?', '/nowhere?'),
      'CONFIG_INVALID',
      /database "nowhere" does not exist/,
    );
    await refused('postgres://user:sec/ret@db:x/aegrail', 'CONFIG_INVALID', /not a URL.*%2F/);
  });

  test('of a server that does not answer names it', async () => {
    await refused(
      'postgres://user:secret@127.0.0.1:1/db',
      'AUDIT_UNAVAILABLE',
      /PostgreSQL at 127\.0\.0\.1:1\/db, schema aegrail, .*ECONNREFUSED/,
    );
    await refused(
      'postgres://user:secret@localhost:1/db',
      'AUDIT_UNAVAILABLE',
      /can not be opened: connect ECONNREFUSED/,
    );
  });

  test('with sslmode is obeyed', async () => {
    await refused(server.url({ sslmode: 'verify-full' }), 'AUDIT_UNAVAILABLE', /does not support SSL connections/);
    await (await openStore(server.url({ sslmode: 'disable' }), '/')).close();
  });
});

async function refused(url: string, code: string, why: RegExp): Promise<void> {
  const thrown = await openStore(url, '/').then(
    () => 'it was opened',
    (error: unknown) => error as AegrailError,
  );
  expect(thrown).toMatchObject({ code, message: expect.stringMatching(why) });
  for (const secret of ['secret', 'sec/ret', 'p@ss', 'p%40ss']) expect((thrown as Error).message).not.toContain(secret);
}
