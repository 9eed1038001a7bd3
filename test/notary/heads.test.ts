import { expect, test } from 'vitest';
import { countedSeqs, isLastDue } from '../../src/notary/heads.ts';
import { userHash } from '../../src/signing/entry.ts';
import { sampleSession } from '../suites/sample-session.ts';
import { headSeqs, office, STARTED_MS, verifyTree } from './kit.ts';
import { longSession } from './sample-log.ts';

test.each<[number, number, readonly number[]]>([
  [-1, 0, []],
  [-1, 254, []],
  [-1, 255, [255]],
  [-1, 256, [255]],
  [-1, 511, [255, 511]],
  [254, 255, [255]],
  [255, 255, []],
  [255, 510, []],
  [256, 511, [511]],
  [300, 2000, [511, 767, 1023, 1279, 1535, 1791]],
])('after %i and up to %i the entries by count are %j', (sealedSeq, lastSeq, seqs) => {
  expect(countedSeqs(sealedSeq, lastSeq, 100)).toEqual(seqs);
});

test('entries by count come in parts when there are many', () => {
  expect(countedSeqs(-1, 1_000_000, 3)).toEqual([255, 511, 767]);
  expect(countedSeqs(767, 1_000_000, 3)).toEqual([1023, 1279, 1535]);
});

test('the last record is an entry when it ends the session, or the entry before it is old enough', () => {
  const before = '2026-01-01T00:00:00.000Z';
  expect(isLastDue(true, '2026-01-01T00:00:00.001Z', before)).toBe(true);
  expect(isLastDue(false, '2026-01-01T00:00:00.001Z', before)).toBe(false);
  expect(isLastDue(false, before, before)).toBe(true);
  expect(isLastDue(false, '2026-01-01T00:00:00.001Z', null)).toBe(true);
});

test('a session is an entry at 255 and 511, and at its end', async () => {
  const { store, notary: make, clock } = await office();
  const notary = make();
  const records = sampleSession('s1', 300);
  const sealedAfter = async (count: number): Promise<number[]> => {
    await store.append('s1', records.slice(0, count));
    await notary.tick();
    return headSeqs(store, 's1');
  };
  clock.ms = STARTED_MS;
  expect(await sealedAfter(255)).toEqual([]);
  expect(await sealedAfter(256)).toEqual([255]);
  expect(await sealedAfter(511)).toEqual([255]);
  expect(await sealedAfter(512)).toEqual([255, 511]);
  expect(await sealedAfter(records.length - 1)).toEqual([255, 511]);
  expect(await sealedAfter(records.length)).toEqual([255, 511, 601]);
  expect(await sealedAfter(records.length)).toEqual([255, 511, 601]);
  await verifyTree(store);
});

test('an entry says whose log it is, and that it has ended', async () => {
  const { store, notary, entries } = await office();
  const records = sampleSession('s1', 1);
  await store.append('s1', records);
  await notary().tick();
  const last = (await store.record('s1', 3))!;
  expect((await entries())[1]).toEqual({
    v: 1,
    kind: 'head',
    session_id: 's1',
    agent_identity: 'support-bot/v1',
    user_sha256: userHash('s1', 'ada@acme.com'),
    started: records[0]!.ts,
    ts: last.ts,
    seq: 3,
    hash: last.hash,
    ended: true,
  });
});

test('a session that goes on is an entry 10 minutes after its start, and after its last entry when it has newer records', async () => {
  const { store, notary: make, clock } = await office();
  const notary = make();
  const records = longSession('s1', 400);
  const sealedAt = async (ms: number): Promise<number[]> => {
    clock.ms = ms;
    await notary.tick();
    return headSeqs(store, 's1');
  };
  await store.append('s1', records.slice(0, 5));
  expect(await sealedAt(STARTED_MS + 599_999)).toEqual([]);
  expect(await sealedAt(STARTED_MS + 600_000)).toEqual([4]);
  expect(await sealedAt(STARTED_MS + 6_000_000)).toEqual([4]);
  // Record 4 was made a second after the start.
  await store.append('s1', records.slice(0, 6));
  expect(await sealedAt(STARTED_MS + 600_999)).toEqual([4]);
  expect(await sealedAt(STARTED_MS + 601_000)).toEqual([4, 5]);
  // An entry by count that is not old enough yet puts the next one off.
  await store.append('s1', records);
  const at255 = STARTED_MS + 255 * 250;
  expect(await sealedAt(at255 + 599_999)).toEqual([4, 5, 255]);
  expect(await sealedAt(at255 + 600_000)).toEqual([4, 5, 255, 399]);
  await verifyTree(store);
});

test('by hand every record is committed to, and many sessions go in batches', async () => {
  const { store, notary } = await office();
  await store.append('long', longSession('long', 1000));
  for (let n = 0; n < 600; n++) await store.append(`s${n}`, longSession(`s${n}`, 1));
  const { appended, note } = await notary().tick({ all: true });
  expect(appended).toBe(1 + 4 + 600);
  expect(note).not.toBeNull();
  expect(await headSeqs(store, 'long')).toEqual([255, 511, 767, 999]);
  expect(await store.tree.due(null, 1)).toEqual([]);
  await verifyTree(store);
});

test('a session that was reset after its end is an entry again', async () => {
  const { store, notary: make, clock } = await office();
  const notary = make();
  const records = sampleSession('s1', 1);
  await store.append('s1', records);
  await notary.tick();
  const reset = { ...records[0]!, seq: 4, ts: records[3]!.ts, event: 'session_reset', payload: RESET };
  await store.append('s1', [reset as (typeof records)[number]]);
  clock.ms = Date.parse(records[3]!.ts) + 600_000;
  await notary.tick();
  const [, end, again] = await Array.fromAsync(store.tree.entries(0));
  expect([JSON.parse(end!), JSON.parse(again!)]).toMatchObject([
    { seq: 3, ended: true },
    { seq: 4, ended: false },
  ]);
});

const RESET = { from_run_id: 'a', to_run_id: 'b', at_seq: 2, in_flight: 0 };
