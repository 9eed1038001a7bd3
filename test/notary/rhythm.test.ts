import { expect, test, vi } from 'vitest';
import type { Store } from '../../src/store/store.ts';
import { sampleSession } from '../suites/sample-session.ts';
import { headSeqs, office, verifyTree } from './kit.ts';
import { longSession } from './sample-log.ts';

/** With the machine's clock, and a cadence of a second. */
const REAL = { cadenceSeconds: 1, now: () => Date.now() };

test('a notary that is started signs each cadence, and seals what is left when it is stopped', async () => {
  const { store, notary: make, said } = await office();
  const notary = make(REAL);
  notary.start();
  await vi.waitFor(async () => expect((await store.tree.lastCheckpoint())?.number).toBe(3), { timeout: 10_000 });
  // Started long ago, so it would be due at the next tick: the last one is not waited for.
  await store.append('s1', longSession('s1', 3));
  await notary.stop();
  expect(await headSeqs(store, 's1')).toEqual([2]);
  const checkpoints = await verifyTree(store);
  const times = checkpoints.map(({ time }) => Date.parse(time));
  for (const [index, time] of times.slice(1, 4).entries()) {
    expect(time - times[index]!).toBeGreaterThanOrEqual(1_000);
    expect(time - times[index]!).toBeLessThan(1_900);
  }
  expect(checkpoints.at(-1)!.size).toBe(2);
  expect(said).toEqual([]);
});

test('when everything is sealed the end signs nothing more', async () => {
  const { store, notary } = await office();
  await store.append('s1', sampleSession('s1', 1));
  const first = notary();
  await first.tick();
  await first.stop();
  expect(await verifyTree(store)).toHaveLength(1);
});

test('of several that are started one signs each cadence', async () => {
  const { store, notary, another } = await office();
  const notaries = [
    notary(REAL),
    notary({ ...REAL, store: await another() }),
    notary({ ...REAL, store: await another() }),
  ];
  for (const each of notaries) each.start();
  await vi.waitFor(async () => expect((await store.tree.lastCheckpoint())?.number).toBe(4), { timeout: 10_000 });
  await Promise.all(notaries.map((each) => each.stop()));
  const times = (await verifyTree(store)).map(({ time }) => Date.parse(time));
  expect(times.at(-1)! - times[0]!).toBeGreaterThanOrEqual(3_900);
});

test('the end does not wait for a store that hangs', async () => {
  const { store, notary: make } = await office();
  // What a server's connection does whose packets are dropped.
  const hanging: Store = { ...store, tree: { ...store.tree, due: () => new Promise(() => undefined) } };
  const notary = make({ ...REAL, store: hanging });
  const from = performance.now();
  await notary.stop();
  const tookMs = performance.now() - from;
  expect(tookMs).toBeGreaterThan(4_900);
  expect(tookMs).toBeLessThan(6_500);
});
