import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Postgres, startPostgres } from '../harness/postgres.ts';
import { sampleSession } from '../suites/sample-session.ts';
import { headSeqs, office, verifyTree } from './kit.ts';
import { longSession } from './sample-log.ts';

let postgres: Postgres;

beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(async () => postgres.dispose());

test('notaries of several machines on one PostgreSQL never fork it, and no entry is there twice', async () => {
  const { store, notary, another, clock } = await office(postgres.url({ schema: 'many' }));
  const stores = [store, await another(), await another()];
  const notaries = stores.map((own) => notary({ store: own }));
  const work: Promise<unknown>[] = [];
  for (let round = 0; round < 30; round++) {
    const id = `s${round % 5}`;
    work.push(stores[round % 3]!.append(id, longSession(id, 600).slice(0, 100 * (1 + Math.floor(round / 5)))));
    for (const each of notaries) work.push(each.tick({ all: round % 3 === 0 }));
    clock.ms += 20_000;
    if (round % 10 === 9) await Promise.all(work.splice(0));
  }
  await notaries[0]!.tick({ all: true });
  const checkpoints = await verifyTree(store);
  expect(checkpoints.at(-1)!.size).toBe(await store.tree.size());
  for (let session = 0; session < 5; session++) {
    const seqs = await headSeqs(store, `s${session}`);
    expect(seqs).toEqual(expect.arrayContaining([255, 511]));
    expect(seqs.at(-1)).toBe(599);
  }
});

test('a server that is away is logged once a minute, tried again, and never thrown at the worker', async () => {
  const { store, notary: make, said } = await office(postgres.url({ schema: 'away' }));
  const notary = make({ cadenceSeconds: 1, now: () => Date.now() });
  notary.start();
  await vi.waitFor(async () => expect(await store.tree.lastCheckpoint()).not.toBeNull(), { timeout: 10_000 });
  await postgres.stop('immediate');
  await vi.waitFor(() => expect(said).toHaveLength(1), { timeout: 10_000 });
  await expect(notary.tick()).rejects.toMatchObject({ code: 'AUDIT_UNAVAILABLE' });
  await postgres.start();
  await store.append('s1', sampleSession('s1', 1));
  await vi.waitFor(async () => expect(await headSeqs(store, 's1')).toEqual([3]), { timeout: 10_000 });
  await notary.stop();
  expect(said).toHaveLength(1);
  expect(said[0]).toMatch(/^no checkpoint was signed: the store PostgreSQL .* ECONNREFUSED/);
  await verifyTree(store);
});
