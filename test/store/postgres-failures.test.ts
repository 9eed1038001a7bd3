import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { verifyLog } from '../../src/audit/verify.ts';
import { lineOf } from '../../src/core/chain.ts';
import { openStore } from '../../src/store/open.ts';
import { connectPostgres } from '../../src/store/postgres-connection.ts';
import { migratePostgres } from '../../src/store/postgres-migrations.ts';
import type { Store } from '../../src/store/store.ts';
import { type Postgres, startPostgres } from '../harness/postgres.ts';
import { sampleClaim, sampleLines, sampleSession } from '../suites/sample-session.ts';

let server: Postgres;

beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.dispose());

const records = sampleSession('s1', 20);

test('a server that stops is unavailable, and a server that comes back is gone on with', async () => {
  const store = await openStore(server.url({ schema: 'away' }), '/');
  await store.append('s1', records.slice(0, 10));
  await server.stop('fast');
  const unavailable = {
    code: 'AUDIT_UNAVAILABLE',
    message: expect.stringMatching(/^the store PostgreSQL at 127\.0\.0\.1:\d+\/postgres, schema away, failed: /),
  };
  await expect(store.append('s1', records)).rejects.toMatchObject(unavailable);
  await expect(store.append('s1', [], sampleClaim(0))).rejects.toMatchObject(unavailable);
  await expect(store.record('s1', 1)).rejects.toMatchObject(unavailable);
  await expect(Array.fromAsync(store.records('s1'))).rejects.toMatchObject(unavailable);
  await server.start();
  expect((await store.append('s1', records)).added.map(({ seq }) => seq)).toEqual(
    records.slice(10).map(({ seq }) => seq),
  );
  expect(await store.append('s1', [], sampleClaim(0))).toMatchObject({ claimed: 'first' });
  expect(await linesOf(store)).toEqual(sampleLines(records));
  await store.close();
});

test('a server that is stopped while workers append loses and doubles nothing', async () => {
  const store = await openStore(server.url({ schema: 'busy' }), '/');
  const long = sampleSession('s1', 150);
  let failures = 0;
  const appending = (async () => {
    for (let upTo = 1; upTo <= long.length;) {
      try {
        // As the workflow does it: what is not known to be stored is brought again.
        await store.append('s1', long.slice(Math.max(0, upTo - 3), upTo));
        upTo += 1;
      } catch (error) {
        expect(error).toMatchObject({ code: 'AUDIT_UNAVAILABLE' });
        failures += 1;
      }
    }
  })();
  for (const least of [30, 90]) {
    await vi.waitUntil(async () => (await server.sql('SELECT FROM busy.records')).length >= least, {
      interval: 5,
      timeout: 20_000,
    });
    await server.stop('fast');
    const before = failures;
    await vi.waitUntil(() => failures > before, { interval: 5, timeout: 20_000 });
    await server.start();
  }
  await appending;
  expect(await linesOf(store)).toEqual(sampleLines(long));
  expect(await verifyLog(await linesOf(store))).toMatchObject({ ok: true, records: long.length });
  await store.close();
});

test('what was appended survives a crash of the server, also where commits do not wait by default', async () => {
  await server.sql('ALTER ROLE aegrail SET synchronous_commit = off');
  await server.sql("ALTER SYSTEM SET wal_writer_delay = '10s'");
  await server.sql('SELECT pg_reload_conf()');
  const store = await openStore(server.url({ schema: 'crash' }), '/');
  // On disk, so that only the appends are at stake.
  await server.sql('CHECKPOINT');
  for (const record of records) {
    const claim = record.seq === 3 ? sampleClaim(1) : undefined;
    expect((await store.append('s1', [record], claim)).claimed).toBe(claim ? 'first' : null);
  }
  const contract = await store.putContract('{}');
  await server.stop('immediate');
  await server.start();
  expect(await linesOf(store)).toEqual(sampleLines(records));
  expect(await store.append('s1', [], sampleClaim(1))).toMatchObject({ claimed: 'again' });
  expect(await store.getContract(contract)).toBe('{}');
  await store.close();
  await server.sql('ALTER ROLE aegrail RESET synchronous_commit');
});

test('a worker that is killed in the middle of an append leaves all of it or nothing, and no lock', async () => {
  const url = server.url({ schema: 'killed' });
  const store = await openStore(url, '/');
  await store.append('s1', records.slice(0, 3));
  const blocker = await clientIn('BEGIN', "SELECT FROM killed.sessions WHERE session_id = 's1' FOR UPDATE");
  const child = await appending(url);
  await waitsForLock();
  child.kill('SIGKILL');
  await once(child, 'exit');
  await blocker.end();
  // Waits for the dead worker's statement, if it is still there.
  await store.append('s1', records.slice(0, 4));
  expect([4, 5]).toContain((await linesOf(store)).length);
  expect((await store.append('s1', records)).lastSeq).toBe(records.length - 1);
  expect(await linesOf(store)).toEqual(sampleLines(records));
  await store.close();
});

test('a worker that is killed while it makes the schema leaves nothing, and the next one makes it', async () => {
  const url = server.url({ schema: 'half' });
  // Lets the worker make its first table, and holds it there: whoever makes an index must wait for this lock.
  await server.sql(
    'CREATE FUNCTION public.hold() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock(77); END $$',
  );
  await server.sql(
    "CREATE EVENT TRIGGER hold ON ddl_command_start WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION public.hold()",
  );
  const blocker = await clientIn('SELECT pg_advisory_lock(77)');
  const child = await appending(url);
  await waitsForLock();
  child.kill('SIGKILL');
  await once(child, 'exit');
  await blocker.end();
  await vi.waitUntil(async () => (await others()).length === 0, { interval: 10, timeout: 10_000 });
  expect(await server.sql("SELECT to_regnamespace('half')::text AS made")).toEqual([{ made: null }]);
  await server.sql('DROP EVENT TRIGGER hold');
  const store = await openStore(url, '/');
  expect(await store.append('s1', records)).toMatchObject({ lastSeq: records.length - 1 });
  await store.close();
});

describe('a worker that starts while another brings the schema up', () => {
  const LOCK = "hashtextextended('aegrail schema slow', 0)";
  // Much longer than the server lets a statement wait here.
  const url = () => server.url({ schema: 'slow', options: '-c statement_timeout=500' });

  test('waits as long as that one is at work, says so, and opens the store then', async () => {
    const first = await clientIn('BEGIN', `SELECT pg_advisory_xact_lock(${LOCK})`);
    const told = Promise.withResolvers<string>();
    const opening = openStore(url(), '/', {}, told.resolve);
    expect(await Promise.race([told.promise, opening.then(() => 'opened')])).toMatch(
      /^waiting for another process that brings the store PostgreSQL at \S+ schema slow, to another release's schema/,
    );
    await first.query('COMMIT');
    await first.end();
    const store = await opening;
    expect(await store.append('s1', records)).toMatchObject({ lastSeq: records.length - 1 });
    await store.close();
  });

  test('goes on at once when that one dies, and is told nothing where it is quick', async () => {
    const first = await clientIn('BEGIN', `SELECT pg_advisory_xact_lock(${LOCK})`);
    await server.sql('DROP SCHEMA IF EXISTS slow CASCADE');
    let isTold = false;
    const opening = openStore(url(), '/', {}, () => (isTold = true));
    await server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'test'");
    await (await opening).close();
    expect(isTold).toBe(false);
    await first.end().catch(() => undefined);
  });

  test('gives up after its time, and says why', async () => {
    const first = await clientIn('BEGIN', `SELECT pg_advisory_xact_lock(${LOCK})`);
    await server.sql('DROP SCHEMA IF EXISTS slow CASCADE');
    const database = connectPostgres(url());
    const waiting = { onWait: () => undefined, atMostMs: 1_000 };
    await expect(migratePostgres(database, waiting)).rejects.toMatchObject({
      code: 'AUDIT_UNAVAILABLE',
      message: expect.stringMatching(/another process has been bringing it to .* for 1 s, .*: start again/) as string,
    });
    await database.pool.end();
    await first.end();
  });
});

/** A process that has begun to open the store, and to append the first five records to session s1. */
async function appending(url: string): Promise<ChildProcess> {
  const program = new URL('./append-child.ts', import.meta.url);
  const child = fork(program, [url, '20', '5', 's1'], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  await once(child, 'message');
  child.send('go');
  return child;
}

async function clientIn(...statements: readonly string[]): Promise<pg.Client> {
  const client = new pg.Client(server.url({ application_name: 'test' }));
  // One that the test has the server end.
  client.on('error', () => undefined);
  await client.connect();
  for (const statement of statements) await client.query(statement);
  return client;
}

async function waitsForLock(): Promise<void> {
  await vi.waitUntil(async () => (await others("wait_event_type = 'Lock'")).length === 1, {
    interval: 10,
    timeout: 20_000,
  });
}

/** Connections of stores. */
function others(which = 'true'): Promise<readonly unknown[]> {
  return server.sql(`SELECT FROM pg_stat_activity WHERE application_name = 'aegrail' AND ${which}`);
}

async function linesOf(store: Store): Promise<string[]> {
  return (await Array.fromAsync(store.records('s1'))).map(lineOf);
}
