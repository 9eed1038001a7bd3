import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AuditRecord } from '../../src/core/record.ts';
import type { Store } from '../../src/store/store.ts';
import { sampleSession } from './sample-session.ts';
import { rowOf, type StoreUnderTest } from './store-under-test.ts';

/** What holds for the log of logs in every store. */
export function treeTests(under: () => StoreUnderTest): void {
  test('begins empty', async () => {
    const { tree } = under().store;
    expect(await tree.size()).toBe(0);
    expect(await entriesOf(under().store, 0)).toEqual([]);
    expect(await tree.lastCheckpoint()).toBeNull();
    expect(await Array.fromAsync(tree.checkpoints())).toEqual([]);
    expect(await tree.due(null, 10)).toEqual([]);
  });

  test('takes entries at its size only, and keeps them for the next process', async () => {
    const { store, another } = under();
    const odd = [String.raw`{"a":"\u0000 \\0 'é' 🙂"}`, '{"b":"{1,2}"}', 'NULL', ''];
    expect(await store.tree.append(0, odd, [])).toBe(true);
    for (const size of [0, 3, 5]) expect(await store.tree.append(size, ['other'], [])).toBe(false);
    expect(await store.tree.append(4, ['fifth'], [])).toBe(true);
    expect(await store.tree.append(5, [], [])).toBe(true);
    expect(await store.tree.append(4, [], [])).toBe(false);
    const other = await another();
    expect(await other.tree.size()).toBe(5);
    expect(await entriesOf(other, 0)).toEqual([...odd, 'fifth']);
    expect(await other.tree.append(5, ['sixth'], [])).toBe(true);
    expect(await store.tree.size()).toBe(6);
  });

  test('gives any range of more entries than a page has', async () => {
    const { store } = under();
    const all = Array.from({ length: 1203 }, (_, index) => `entry ${index}`);
    await store.tree.append(0, all.slice(0, 1000), []);
    await store.tree.append(1000, all.slice(1000), []);
    expect(await entriesOf(store, 0)).toEqual(all);
    const anyIndex = fc.nat({ max: 1300 });
    await fc.assert(
      fc.asyncProperty(anyIndex, anyIndex, async (from, to) => {
        expect(await entriesOf(store, from, to)).toEqual(all.slice(from, Math.max(from, to)));
      }),
      { numRuns: 20 },
    );
  });

  test('of those who append at once one wins at each size, and no entry is lost, doubled or skipped', async () => {
    const { store, another } = under();
    const other = await another();
    const won: string[] = [];
    const writer = async (tree: Store['tree'], name: string): Promise<void> => {
      for (let round = 0; round < 15; round++) {
        const size = await tree.size();
        const mine = Array.from({ length: 1 + (round % 3) }, (_, index) => `${name} ${round} ${index}`);
        if (await tree.append(size, mine, [])) for (const [index, entry] of mine.entries()) won[size + index] = entry;
      }
    };
    await Promise.all([
      writer(store.tree, 'a'),
      writer(other.tree, 'b'),
      writer(store.tree, 'c'),
      writer(other.tree, 'd'),
    ]);
    const size = await store.tree.size();
    for (let round = 0; round < 10; round++) {
      const at = size + round;
      const tries = [store, other, store, other].map(({ tree }, index) => tree.append(at, [`${at} ${index}`], []));
      const ends = await Promise.all(tries);
      expect(ends.filter((end) => end)).toHaveLength(1);
      won[at] = `${at} ${ends.indexOf(true)}`;
    }
    expect(await entriesOf(store, 0)).toEqual(won);
    expect(await other.tree.size()).toBe(won.length);
  });

  test('notes how far sessions are sealed, forwards only, and only with the entries', async () => {
    const { store } = under();
    const records = sampleSession('s1', 3);
    const at = (seq: number) => ({ sessionId: 's1', seq, ts: records[seq]!.ts });
    const sealed = async (): Promise<number> => (await rowOf(store, 's1')).sealedSeq;
    await store.append('s1', records);
    expect(await store.tree.append(1, ['x'], [at(2)])).toBe(false);
    expect(await sealed()).toBe(-1);
    expect(await store.tree.append(0, ['x'], [at(2), { ...at(1), sessionId: 'nobody' }])).toBe(true);
    expect(await sealed()).toBe(2);
    expect(await store.tree.append(1, ['y'], [at(1)])).toBe(true);
    expect(await sealed()).toBe(2);
    // The furthest of several for one session, in whatever order.
    expect(await store.tree.append(2, ['z', 'zz'], [at(3), at(5), at(4)])).toBe(true);
    expect(await sealed()).toBe(5);
  });

  test('is told what is due: ended, long, or old', async () => {
    const { store } = under();
    const time = (seconds: number): string => new Date(1_790_000_000_000 + seconds * 1000).toISOString();
    const add = async (id: string, count: number, startSeconds: number, ended = false): Promise<void> => {
      const records = sampleSession(id, 200, false).slice(0, count);
      const times = records.map((record) => ({ ...record, ts: time(startSeconds + record.seq) }));
      const end = { ...sampleSession(id, 0)[1]!, seq: count, ts: time(startSeconds + count) } as AuditRecord;
      await store.append(id, ended ? [...times, end] : times);
    };
    const due = async (before: string | null): Promise<string[]> =>
      (await store.tree.due(before, 99)).map(({ sessionId }) => sessionId);
    const seal = async (sessionId: string, seq: number, ts: string): Promise<void> => {
      expect(await store.tree.append(await store.tree.size(), ['entry'], [{ sessionId, seq, ts }])).toBe(true);
    };
    await add('short', 10, 100);
    await add('ended', 10, 100, true);
    await add('255 records', 255, 100);
    await add('256 records', 256, 100);
    await add('older', 3, 99);
    expect(await due(null)).toEqual(['short', 'ended', '255 records', '256 records', 'older']);
    expect(await due(time(98))).toEqual(['ended', '256 records']);
    expect(await due(time(99))).toEqual(['ended', '256 records', 'older']);
    expect(await due(time(100))).toEqual(['short', 'ended', '255 records', '256 records', 'older']);
    expect(await store.tree.due(time(100), 2)).toEqual([await rowOf(store, 'short'), await rowOf(store, 'ended')]);
    expect(await store.tree.due(time(100), 0)).toEqual([]);

    await seal('short', 4, time(104));
    expect(await due(time(103))).not.toContain('short');
    expect(await due(time(104))).toContain('short');
    for (const [id, seq] of [
      ['short', 9],
      ['ended', 10],
      ['255 records', 254],
      ['older', 2],
    ] as const) {
      await seal(id, seq, time(300));
    }
    await seal('256 records', 254, time(354));
    expect(await due(null)).toEqual(['256 records']);
    expect(await due(time(353))).toEqual([]);
    await seal('256 records', 255, time(355));
    expect(await due(null)).toEqual([]);
    // And again when a log goes on.
    await store.append('older', [{ ...sampleSession('older', 2, false)[3]!, ts: time(400) }]);
    expect(await due(null)).toEqual(['older']);
    expect(await due(time(299))).toEqual([]);
    expect(await due(time(300))).toEqual(['older']);
  });

  test('keeps checkpoints, each after the one before it', async () => {
    const { store, another } = under();
    const { tree } = store;
    const note = (number: number): string => `example.com/log\n${number}\n\n— example.com/log AAAA${number}=\n`;
    expect(await tree.addCheckpoint(1, note(1))).toBe(false);
    expect(await tree.addCheckpoint(0, note(0))).toBe(true);
    expect(await tree.addCheckpoint(0, 'other')).toBe(false);
    expect(await tree.addCheckpoint(2, note(2))).toBe(false);
    for (let number = 1; number < 510; number++) expect(await tree.addCheckpoint(number, note(number))).toBe(true);
    const notes = Array.from({ length: 510 }, (_, number) => note(number));
    const other = (await another()).tree;
    expect(await Array.fromAsync(other.checkpoints())).toEqual(notes);
    expect(await Array.fromAsync(other.checkpoints(508))).toEqual(notes.slice(508));
    expect(await Array.fromAsync(other.checkpoints(510))).toEqual([]);
    expect(await other.lastCheckpoint()).toEqual({ number: 509, note: note(509) });
    for (let number = 510; number < 520; number++) {
      const tries = [tree, other, tree, other].map((each, index) => each.addCheckpoint(number, `${index}`));
      const ends = await Promise.all(tries);
      expect(ends.filter((end) => end)).toHaveLength(1);
      expect(await tree.lastCheckpoint()).toEqual({ number, note: String(ends.indexOf(true)) });
    }
  });
}

function entriesOf(store: Store, from: number, to?: number): Promise<string[]> {
  return Array.fromAsync(store.tree.entries(from, to));
}
