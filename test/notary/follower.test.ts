import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { type Sha256Bytes, verifyConsistency } from '../../src/core/merkle.ts';
import { createFollower } from '../../src/notary/follower.ts';
import { office } from './kit.ts';
import { naiveRoot } from './naive-tree.ts';

const sha256: Sha256Bytes = (data) => createHash('sha256').update(data).digest();

/** Entries that need no sessions: nobody looks into a head here. */
function heads(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, index) => `{"kind":"head","seq":${from + index}}`);
}

test('a follower has the roots of all sizes, and proofs from each, whoever appended', async () => {
  const { store, notary } = await office();
  await notary().tick();
  const follower = createFollower(store.tree);
  await follower.catchUp();
  const roots: string[] = [];
  for (let size = 1; size <= 40; size++) {
    const texts = await Array.fromAsync(store.tree.entries(0));
    roots.push(naiveRoot(texts).toString('hex'));
    expect(follower.root()).toBe(roots.at(-1));
    for (let old = 0; old <= size; old++) {
      const proof = await follower.proofFrom(old);
      const [oldRoot, newRoot] = [naiveRoot(texts.slice(0, old)), naiveRoot(texts)];
      expect(await follower.rootAt(old)).toBe(oldRoot.toString('hex'));
      expect(verifyConsistency({ oldSize: old, newSize: size, oldRoot, newRoot, proof }, sha256)).toBe(true);
    }
    // By itself, or by another.
    if (size % 2 === 0) expect(await follower.append(heads(size, size + 1), [])).toBe(true);
    else {
      await store.tree.append(size, heads(size, size + 1), []);
      expect(await follower.append(heads(size, size + 1), [])).toBe(false);
    }
    await follower.catchUp();
  }
});

test('a long tree is read while other work goes on, and any part of it is soon had', async () => {
  const { store, notary } = await office();
  await notary().tick();
  for (let from = 1; from < 20_000; from += 2_000) await store.tree.append(from, heads(from, from + 2_000), []);
  const size = await store.tree.size();
  const read: [number, number | undefined][] = [];
  const entries = (from: number, to?: number): AsyncIterable<string> => {
    read.push([from, to]);
    return store.tree.entries(from, to);
  };
  const follower = createFollower({ ...store.tree, entries });
  let turns = 0;
  const others = setInterval(() => (turns += 1), 0);
  await follower.catchUp();
  clearInterval(others);
  expect(turns).toBeGreaterThan(5);
  const texts = await Array.fromAsync(store.tree.entries(0));
  expect(await follower.rootAt(10_000)).toBe(naiveRoot(texts.slice(0, 10_000)).toString('hex'));
  expect(await follower.rootAt(10_000)).toBe(naiveRoot(texts.slice(0, 10_000)).toString('hex'));
  expect(read).toEqual([
    [0, size],
    [8_192, 10_000],
  ]);
});
