import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isCheckpointDue, nextCheckpoint, waitMs } from '../../src/notary/next-checkpoint.ts';
import { openKeyring } from '../../src/signing/keyring.ts';
import type { TreeStore } from '../../src/store/tree-store.ts';
import { sampleSession } from '../suites/sample-session.ts';
import { headSeqs, office, STARTED_MS, verifyTree } from './kit.ts';
import { longSession, ORIGIN } from './sample-log.ts';

test('checkpoints are signed on the cadence, also when nothing happened, and verify without the notary', async () => {
  const { store, notary: make, clock, published } = await office();
  const notary = make();
  await store.append('s1', sampleSession('s1', 3));
  expect(await notary.tick()).toMatchObject({ outcome: 'signed', appended: 2 });
  expect(await notary.tick()).toMatchObject({ outcome: 'not_due', appended: 0 });
  clock.ms += 59_999;
  expect(await notary.tick()).toMatchObject({ outcome: 'not_due' });
  for (let minute = 0; minute < 3; minute++) {
    clock.ms = STARTED_MS + (minute + 1) * 60_000;
    expect(await notary.tick()).toMatchObject({ outcome: 'signed', appended: 0 });
  }
  const checkpoints = await verifyTree(store);
  expect(checkpoints.map(({ size, time }) => [size, time.slice(11, 19)])).toEqual([
    [2, '14:13:20'],
    [2, '14:14:20'],
    [2, '14:15:20'],
    [2, '14:16:20'],
  ]);
  expect(published).toEqual(await Array.fromAsync(store.tree.checkpoints()));
});

test('a clock that goes back does not take time back, and one that was far ahead does not stop the signing', async () => {
  const { store, notary: make, clock } = await office();
  clock.ms += 3_600_000;
  await make().tick();
  clock.ms -= 30_000;
  await make().tick({ all: true });
  clock.ms = STARTED_MS;
  expect(await make().tick()).toMatchObject({ outcome: 'signed' });
  const times = (await verifyTree(store)).map(({ time }) => time);
  expect(new Set(times)).toEqual(new Set([new Date(STARTED_MS + 3_600_000).toISOString()]));
});

test('the next checkpoint links to the last, and waits for a cadence at most', () => {
  const head = { origin: ORIGIN, size: 7, root: 'ab'.repeat(32), cadenceSeconds: 60 };
  const first = nextCheckpoint(null, head, STARTED_MS);
  expect(first).toMatchObject({ ...head, number: 0, time: '2026-09-21T14:13:20.000Z', previous: '0'.repeat(64) });
  const second = nextCheckpoint({ ...first, hash: 'cd'.repeat(32) }, head, STARTED_MS - 1);
  expect(second).toMatchObject({ number: 1, time: first.time, previous: 'cd'.repeat(32) });
  expect(isCheckpointDue(first, 60, STARTED_MS + 59_999)).toBe(false);
  expect(isCheckpointDue(first, 60, STARTED_MS + 60_000)).toBe(true);
  expect(isCheckpointDue(first, 60, STARTED_MS - 59_999)).toBe(false);
  expect(waitMs(first.time, 60, STARTED_MS + 10_000)).toBe(50_000);
  expect(waitMs(first.time, 60, STARTED_MS + 90_000)).toBe(0);
  expect(waitMs(first.time, 60, STARTED_MS - 90_000)).toBe(60_000);
  expect(waitMs(null, 60, STARTED_MS)).toBe(60_000);
});

test('notaries that work on one store at the same time never fork it, and no entry is there twice', async () => {
  const { store, notary, another, clock } = await office();
  const stores = [store, await another()];
  const notaries = stores.map((own) => notary({ store: own }));
  const ticks: Promise<unknown>[] = [];
  for (let round = 0; round < 200; round++) {
    const id = `s${round % 20}`;
    const records = longSession(id, 600).slice(0, 60 * (1 + Math.floor(round / 20)));
    ticks.push(stores[round % 2]!.append(id, records));
    for (const each of notaries) ticks.push(each.tick({ all: round % 3 === 0 }));
    clock.ms += 20_000;
    if (round % 10 === 0) await Promise.all(ticks.splice(0));
  }
  await Promise.all(ticks);
  await notaries[0]!.tick({ all: true });
  const checkpoints = await verifyTree(store);
  expect(checkpoints.length).toBeGreaterThan(100);
  expect(checkpoints.at(-1)!.size).toBe(await store.tree.size());
  for (let session = 0; session < 20; session++) {
    const seqs = await headSeqs(store, `s${session}`);
    expect(seqs).toEqual(expect.arrayContaining([255, 511]));
    expect(seqs.at(-1)).toBe(599);
  }
});

test('who was late makes its entries again, from the tree as it is', async () => {
  const { store, notary, another } = await office();
  const other = notary({ store: await another() });
  let isFirst = true;
  // Another writer comes in just between asking what is due and appending that.
  const due: TreeStore['due'] = async (before, limit) => {
    const rows = await store.tree.due(before, limit);
    if (isFirst) {
      isFirst = false;
      await store.append('s2', sampleSession('s2', 1));
      await other.tick({ all: true });
    }
    return rows;
  };
  await store.append('s1', sampleSession('s1', 1));
  const late = notary({ store: { ...store, tree: { ...store.tree, due } } });
  expect(await late.tick({ all: true })).toMatchObject({ outcome: 'signed', appended: 1 });
  expect(await store.tree.size()).toBe(3);
  expect((await verifyTree(store)).map(({ size }) => size)).toEqual([3, 3]);
});

test('a checkpoint that comes while the next one is made is not overwritten', async () => {
  const { store, notary, another, published } = await office();
  const other = notary({ store: await another() });
  let isFirst = true;
  const addCheckpoint: TreeStore['addCheckpoint'] = async (number, note) => {
    if (isFirst) {
      isFirst = false;
      await store.append('s1', sampleSession('s1', 1));
      await other.tick({ all: true });
    }
    return store.tree.addCheckpoint(number, note);
  };
  const late = notary({ store: { ...store, tree: { ...store.tree, addCheckpoint } } });
  expect(await late.tick()).toMatchObject({ outcome: 'lost', note: null });
  expect(published).toHaveLength(1);
  isFirst = true;
  // By hand it is tried again, after what came in between.
  expect(await late.tick({ all: true })).toMatchObject({ outcome: 'signed' });
  expect((await verifyTree(store)).map(({ size }) => size)).toEqual([2, 2, 2]);
});

test('a new process goes on where the last one was', async () => {
  const { store, notary, clock } = await office();
  await store.append('s1', longSession('s1', 10));
  await notary().tick({ all: true });
  await store.append('s2', sampleSession('s2', 1));
  clock.ms += 60_000;
  expect(await notary().tick()).toMatchObject({ outcome: 'signed', appended: 1 });
  expect((await verifyTree(store)).map(({ size }) => size)).toEqual([2, 3]);
});

test.each<[string, string, RegExp]>([
  [
    'an entry was changed',
    `UPDATE entries SET entry = replace(entry, '"seq":3', '"seq":2') WHERE position = 1`,
    /checkpoint 0 of the store: the entries that it was signed for were changed/,
  ],
  ['an entry is missing', 'DELETE FROM entries WHERE position = 2', /checkpoint 0 of the store: it has 3 entries/],
  [
    'the first key was taken out',
    `UPDATE entries SET entry = replace(entry, '"key_added"', '"head"') WHERE position = 0`,
    /entry 0 of the log of logs: bad_key_statement/,
  ],
  ['an entry is none', `UPDATE entries SET entry = '{"kind":"note"}' WHERE position = 1`, /entry 1 .* no entry: v is/],
  [
    'the checkpoint is of another number',
    `UPDATE checkpoints SET number = 7`,
    /checkpoint 7 of the store: it calls itself number 0/,
  ],
  [
    'the checkpoint was changed',
    `UPDATE checkpoints SET note = replace(note, 'cadence 60', 'cadence 61')`,
    /checkpoint 0 of the store: bad_signature/,
  ],
])('when %s nothing is signed over it, and the reason is said', async (_what, statement, reason) => {
  const { store, notary, clock, dir } = await office();
  for (const id of ['s1', 's2']) await store.append(id, sampleSession(id, 1));
  await notary().tick();
  const database = new DatabaseSync(join(dir, 'store.db'));
  database.exec(statement);
  database.close();
  clock.ms += 60_000;
  const started = notary();
  await expect(started.tick()).rejects.toMatchObject({ code: 'LOG_INVALID', message: expect.stringMatching(reason) });
  await expect(started.tick({ all: true })).rejects.toMatchObject({ code: 'LOG_INVALID' });
  expect(await Array.fromAsync(store.tree.checkpoints())).toHaveLength(1);
});

test('what read a bad entry signs nothing until it is started anew, even when somebody puts the entry right', async () => {
  const { store, notary, dir } = await office();
  await notary().tick();
  const database = new DatabaseSync(join(dir, 'store.db'));
  const { entry } = database.prepare('SELECT entry FROM entries').get()!;
  database.exec('UPDATE entries SET entry = \'{"v":1}\'');
  const running = notary();
  await expect(running.tick()).rejects.toThrow('entry 0 of the log of logs');
  database.prepare('UPDATE entries SET entry = ?').run(entry!);
  database.close();
  await expect(running.tick()).rejects.toThrow('entry 0 of the log of logs');
  expect(await notary().tick({ all: true })).toMatchObject({ outcome: 'signed' });
  await verifyTree(store);
});

test('an older copy of the store in its place is noticed by a notary that runs', async () => {
  const { store, notary: make, dir } = await office();
  const notary = make();
  for (const id of ['s1', 's2']) await store.append(id, sampleSession(id, 1));
  await notary.tick();
  const database = new DatabaseSync(join(dir, 'store.db'));
  database.exec('DELETE FROM entries WHERE position > 0; DELETE FROM checkpoints');
  database.close();
  await expect(notary.tick({ all: true })).rejects.toThrow(/1 entries where it had 3: an older copy/);
});

test('a log of another origin is not continued', async () => {
  const first = await office();
  await first.notary().tick();
  const keyring = { ...openKeyring({ origin: ORIGIN, keys: first.keys }, '/', {}), origin: 'example.com/other' };
  await expect(first.notary({ keyring }).tick()).rejects.toThrow(
    /it is of the log example.com\/log, and signing.origin is example.com\/other/,
  );
});
