import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lineOf } from '../../src/core/chain.ts';
import type { AuditRecord } from '../../src/core/record.ts';
import { openStore } from '../../src/store/open.ts';
import { postgresSql } from '../../src/store/postgres-sql.ts';
import type { Store } from '../../src/store/store.ts';
import { type Postgres, startPostgres } from '../harness/postgres.ts';
import { sampleClaim, sampleLines, sampleSession } from '../suites/sample-session.ts';
import { storeSuite } from '../suites/store.ts';
import { expectFewAtATime, idsOf, statementOf } from '../suites/store-under-test.ts';

let server: Postgres;

beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.dispose());

/** A URL of a schema that is not there yet. */
function newUrl(): string {
  return server.url({ schema: `s_${randomBytes(6).toString('hex')}` });
}

storeSuite('postgresql', async () => {
  const url = newUrl();
  const opened: Store[] = [];
  const open = async (): Promise<Store> => {
    const store = await openStore(url, '/');
    opened.push(store);
    return store;
  };
  return {
    store: await open(),
    url,
    another: open,
    dispose: async () => {
      for (const store of opened) await store.close();
    },
  };
});

describe('a PostgreSQL store', () => {
  test('of two workers that would go on differently, one is refused', async () => {
    const url = newUrl();
    const [one, two] = [await openStore(url, '/'), await openStore(url, '/')];
    for (let round = 0; round < 20; round++) {
      const id = `s${round}`;
      const ours = sampleSession(id, 2);
      const theirs = ours.map((record) => ({ ...record, invoking_user: 'eve@acme.com' }));
      const ends = await Promise.allSettled([one.append(id, ours), two.append(id, theirs)]);
      const [won] = ends.flatMap((end, index) => (end.status === 'fulfilled' ? [index] : []));
      expect(ends.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
      expect(ends.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'AUDIT_FORK' } });
      const stored = await Array.fromAsync(one.records(id));
      expect(stored.map(lineOf)).toEqual(sampleLines(won === 0 ? ours : theirs));
    }
    await one.close();
    await two.close();
  });

  test('NUL, backslashes and quotes come back as they were', async () => {
    const store = await openStore(newUrl(), '/');
    const ids = ['a\u0000b', String.raw`a\0b`, String.raw`a\\0b`, '{"a","b"}', 'NULL'];
    const odd = ids.join('\u0000 \u007F é 🙂');
    for (const id of ids) {
      const [start, admitted] = sampleSession(id, 1);
      const record = { ...start!, invoking_user: odd } as AuditRecord;
      await store.append(id, [record]);
      expect(await store.append(id, [record])).toMatchObject({ added: [], lastSeq: 0 });
      expect(await store.record(id, 0)).toMatchObject({ session_id: id, invoking_user: odd });
      const claims = [1, 2].map(() => store.append(id, [admitted!], sampleClaim(0)));
      expect((await Promise.all(claims)).map(({ claimed }) => claimed)).toEqual(['first', 'again']);
      const key = await store.putBlob(id, Buffer.from(id));
      expect(Buffer.from((await store.getBlob(id, key))!).toString()).toBe(id);
    }
    expect((await idsOf(store, {})).toSorted()).toEqual(ids.toSorted());
    await store.close();
  });

  test('holds a few megabytes of a log at a time', async () => {
    const store = await openStore(server.url({ schema: 'pages' }), '/');
    await expectFewAtATime(store, (seq) =>
      server.sql(`UPDATE pages.records SET line = 'changed' WHERE session_id = 's1' AND seq = ${seq}`),
    );
    await store.close();
  });

  test('finds what is due by an index, without a look at sessions that are sealed', async () => {
    await (await openStore(server.url({ schema: 'plans' }), '/')).close();
    await server.sql(`INSERT INTO plans.sessions (session_id, started, last_seq, last_hash, agent_identity, invoking_user,
      last_ts, last_event, sealed_seq) SELECT 's' || n, '2026', 9, '', 'a/1', 'u', '2026', 'session_ended', 9
      FROM generate_series(1, 20000) AS n`);
    await server.sql('ANALYZE plans.sessions');
    const due = postgresSql('plans').due.replaceAll('$1', "'2026'").replaceAll('$2', '10');
    const plan = await server.sql(`EXPLAIN ${due}`);
    expect(JSON.stringify(plan)).toMatch(/Index Scan using sessions_unsealed on sessions/);
  });

  test('finds a session and those below it by the index of ids, also when it takes them to be many', async () => {
    await (await openStore(server.url({ schema: 'families' }), '/')).close();
    // A twentieth are below one session, and started last: by the index of starts the first of them looks near, and is not.
    await server.sql(`INSERT INTO families.sessions (session_id, started, last_seq, last_hash, agent_identity,
      invoking_user, last_ts, last_event) SELECT CASE WHEN n > 19000 THEN 's50.' || n ELSE 's' || n END,
      to_char(n, '00000'), 9, '', 'a/1', 'u', '2026', 'session_ended' FROM generate_series(1, 20000) AS n`);
    await server.sql('ANALYZE families.sessions');
    const query = { sessionId: 's50', below: true, order: 'oldest', limit: 1 } as const;
    const plan = JSON.stringify(await server.sql(`EXPLAIN ${await statementOf('families.sessions', query)}`));
    expect(plan.match(/Index Cond: [^"]*/g)).toEqual([
      expect.stringMatching(/session_id = 's50'/),
      expect.stringMatching(/session_id >= 's50\.'.*session_id < 's50\/'/),
    ]);
    expect(plan).not.toMatch(/Seq Scan on sessions|sessions_started/);
  });

  test('a session that grows while it is sealed is sealed as far as was said, and due for the rest', async () => {
    const url = newUrl();
    const [store, other] = [await openStore(url, '/'), await openStore(url, '/')];
    const records = sampleSession('s1', 60);
    await store.append('s1', records.slice(0, 1));
    const appending = (async () => {
      for (const record of records.slice(1)) await store.append('s1', [record]);
    })();
    let sealed = -1;
    while (sealed < records.length - 1) {
      for (const { sessionId, lastSeq, lastTs } of await other.tree.due(null, 1)) {
        await other.tree.append(await other.tree.size(), ['entry'], [{ sessionId, seq: lastSeq, ts: lastTs }]);
        sealed = lastSeq;
      }
      const [row] = await Array.fromAsync(other.sessions({}));
      expect(row?.sealedSeq).toBe(sealed);
    }
    await appending;
    expect(await store.tree.due(null, 1)).toEqual([]);
    await store.close();
    await other.close();
  });

  test('keeps few connections, and says whose they are', async () => {
    const url = newUrl();
    const store = await openStore(url, '/');
    const ids = Array.from({ length: 100 }, (_, index) => `s${index}`);
    await Promise.all(ids.map((id) => store.append(id, sampleSession(id, 3))));
    const [row] = await server.sql(
      "SELECT count(*)::int AS open FROM pg_stat_activity WHERE application_name = 'aegrail' AND state IS NOT NULL",
    );
    expect(row?.['open']).toBeGreaterThan(1);
    expect(row?.['open']).toBeLessThanOrEqual(8);
    await store.close();
  });
});
