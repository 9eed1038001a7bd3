import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  appendHash,
  consistencyProof,
  emptyRange,
  extensionProof,
  inclusionProof,
  leafHash,
  nodeHash,
  type Range,
  rangeOf,
  rootOfRange,
  verifyConsistency,
  verifyInclusion,
} from '../../src/core/merkle.ts';

const sha = (data: Uint8Array): Uint8Array => createHash('sha256').update(data).digest();
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const leavesOf = (data: readonly Uint8Array[]): Uint8Array[] => data.map((bytes) => leafHash(bytes, sha));
/** So many different leaves. */
const leaves = (size: number): Uint8Array[] =>
  leavesOf(Array.from({ length: size }, (_, index) => Buffer.from(`leaf ${index}`)));
const rootOf = (hashes: readonly Uint8Array[]): Uint8Array => rootOfRange(rangeOf(hashes, sha), sha);

/** MTH, PATH and SUBPROOF as RFC 6962, section 2.1, writes them. */
function split(size: number): number {
  return 2 ** Math.floor(Math.log2(size - 1));
}
function mth(hashes: readonly Uint8Array[]): Uint8Array {
  const [only] = hashes;
  if (!only) return sha(new Uint8Array(0));
  if (hashes.length === 1) return only;
  const k = split(hashes.length);
  return nodeHash(mth(hashes.slice(0, k)), mth(hashes.slice(k)), sha);
}
function path(m: number, hashes: readonly Uint8Array[]): Uint8Array[] {
  if (hashes.length === 1) return [];
  const k = split(hashes.length);
  return m < k
    ? [...path(m, hashes.slice(0, k)), mth(hashes.slice(k))]
    : [...path(m - k, hashes.slice(k)), mth(hashes.slice(0, k))];
}
function subproof(m: number, hashes: readonly Uint8Array[], whole: boolean): Uint8Array[] {
  if (m === hashes.length) return whole ? [] : [mth(hashes)];
  const k = split(hashes.length);
  return m <= k
    ? [...subproof(m, hashes.slice(0, k), whole), mth(hashes.slice(k))]
    : [...subproof(m - k, hashes.slice(k), false), mth(hashes.slice(0, k))];
}

describe("the tree of certificate transparency's tests", () => {
  const known = leavesOf(
    ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'].map((text) =>
      Buffer.from(text, 'hex'),
    ),
  );
  const roots = [
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
    'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
    'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
    '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
    'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
    '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
  ];

  test.each(roots.map((root, size) => [size, root] as const))('its root with %i leaves', (size, root) => {
    expect(hex(rootOf(known.slice(0, size)))).toBe(root);
  });

  test('its inclusion and consistency proofs', () => {
    expect(inclusionProof(known, 0, 8, sha).map(hex)).toEqual([
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ]);
    expect(consistencyProof(known, 6, 8, sha).map(hex)).toEqual([
      '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ]);
  });
});

describe('against the definition of RFC 6962', () => {
  test('roots, appended one by one', () => {
    const all = leaves(70);
    let range = emptyRange();
    for (const [index, leaf] of all.entries()) {
      expect(hex(rootOfRange(range, sha))).toBe(hex(mth(all.slice(0, index))));
      range = appendHash(range, leaf, sha);
    }
    expect(range).toEqual(rangeOf(all, sha));
  });

  test('every proof of every tree up to 20 leaves is the one there is, and holds', () => {
    const all = leaves(20);
    for (let size = 1; size <= all.length; size++) {
      const now = all.slice(0, size);
      const newRoot = mth(now);
      for (let at = 0; at < size; at++) {
        const proof = inclusionProof(all, at, size, sha);
        expect(proof).toEqual(path(at, now));
        expect(verifyInclusion({ leafHash: all[at]!, index: at, size, root: newRoot, proof }, sha)).toBe(true);
      }
      for (let oldSize = 0; oldSize <= size; oldSize++) {
        const proof = consistencyProof(all, oldSize, size, sha);
        expect(proof).toEqual(oldSize === 0 ? [] : subproof(oldSize, now, true));
        const oldRoot = mth(all.slice(0, oldSize));
        expect(verifyConsistency({ oldSize, oldRoot, newSize: size, newRoot, proof }, sha)).toBe(true);
      }
    }
  });

  test('a proof from the old range needs no old leaves', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 300 }), (oldSize, added) => {
        const all = leaves(oldSize + added);
        const proof = extensionProof(rangeOf(all.slice(0, oldSize), sha), all.slice(oldSize), sha);
        expect(proof).toEqual(oldSize === 0 ? [] : subproof(oldSize, all, true));
      }),
      { numRuns: 60 },
    );
  });
});

describe('what a proof does not show', () => {
  const trees = fc.integer({ min: 2, max: 64 }).chain((newSize) =>
    fc.record({
      newSize: fc.constant(newSize),
      oldSize: fc.integer({ min: 1, max: newSize }),
      at: fc.nat(newSize - 1),
    }),
  );

  test('a tree in which an old leaf was changed is not consistent, whatever the proof', () => {
    fc.assert(
      fc.property(trees, ({ newSize, oldSize, at }) => {
        const all = leaves(newSize);
        const forged = all.with(at % oldSize, leafHash(Buffer.from('forged'), sha));
        const oldRoot = rootOf(all.slice(0, oldSize));
        const newRoot = rootOf(forged);
        for (const source of [all, forged]) {
          const proof = consistencyProof(source, oldSize, newSize, sha);
          expect(verifyConsistency({ oldSize, oldRoot, newSize, newRoot, proof }, sha)).toBe(false);
        }
      }),
    );
  });

  test('a proof with a hash changed, left out or added does not hold', () => {
    fc.assert(
      fc.property(trees, fc.nat(), ({ newSize, oldSize, at }, which) => {
        const all = leaves(newSize);
        const root = rootOf(all);
        const bad = (proof: readonly Uint8Array[]): Uint8Array[][] => {
          const index = which % Math.max(1, proof.length);
          const extra = [...proof, sha(Buffer.from('extra'))];
          return proof.length === 0
            ? [extra]
            : [extra, proof.toSpliced(index, 1), proof.with(index, sha(Buffer.from('x')))];
        };
        for (const proof of bad(inclusionProof(all, at, newSize, sha)))
          expect(verifyInclusion({ leafHash: all[at]!, index: at, size: newSize, root, proof }, sha)).toBe(false);
        const oldRoot = rootOf(all.slice(0, oldSize));
        for (const proof of bad(consistencyProof(all, oldSize, newSize, sha)))
          expect(verifyConsistency({ oldSize, oldRoot, newSize, newRoot: root, proof }, sha)).toBe(false);
      }),
    );
  });

  test('a leaf is not shown at another index, or in a tree of another size', () => {
    const all = leaves(13);
    const root = rootOf(all);
    const claim = { leafHash: all[5]!, index: 5, size: 13, root, proof: inclusionProof(all, 5, 13, sha) };
    expect(verifyInclusion(claim, sha)).toBe(true);
    expect(verifyInclusion({ ...claim, index: 4 }, sha)).toBe(false);
    expect(verifyInclusion({ ...claim, index: 5 + 2 ** 32 }, sha)).toBe(false);
    expect(verifyInclusion({ ...claim, size: 40 }, sha)).toBe(false);
    expect(verifyInclusion({ ...claim, size: 5 }, sha)).toBe(false);
    expect(verifyInclusion({ ...claim, index: -1 }, sha)).toBe(false);
  });

  test('a proof that ends before the tree does is none', () => {
    const all = leaves(2);
    const claim = { oldSize: 1, oldRoot: rootOf(all.slice(0, 1)), newRoot: rootOf(all), proof: all.slice(1) };
    expect(verifyConsistency({ ...claim, newSize: 2 }, sha)).toBe(true);
    expect(verifyConsistency({ ...claim, newSize: 3 }, sha)).toBe(false);
    expect(verifyConsistency({ ...claim, newSize: 2 ** 33 }, sha)).toBe(false);
  });

  test('a tree does not shrink, and an empty one has one root', () => {
    const all = leaves(4);
    const [oldRoot, newRoot] = [rootOf(all), rootOf(all.slice(0, 3))];
    expect(verifyConsistency({ oldSize: 4, oldRoot, newSize: 3, newRoot, proof: [] }, sha)).toBe(false);
    expect(verifyConsistency({ oldSize: 0, oldRoot, newSize: 4, newRoot: oldRoot, proof: [] }, sha)).toBe(false);
    expect(verifyConsistency({ oldSize: 4, oldRoot, newSize: 4, newRoot, proof: [] }, sha)).toBe(false);
  });

  test('a proof of what is not there is refused', () => {
    expect(() => inclusionProof(leaves(3), 3, 3, sha)).toThrow(RangeError);
    expect(() => inclusionProof(leaves(3), 0, 4, sha)).toThrow(RangeError);
    expect(() => consistencyProof(leaves(3), 2, 4, sha)).toThrow(RangeError);
    expect(() => consistencyProof(leaves(3), 3, 2, sha)).toThrow(RangeError);
  });
});

test('sizes beyond 2^32 are counted right', () => {
  const size = 2 ** 40 + 2 ** 33 + 1;
  const peaks = [0, 1, 2].map((n) => sha(Buffer.from(`peak ${n}`)));
  const added = leaves(3);
  const old: Range = { size, hashes: peaks };
  const now = added.reduce((range, leaf) => appendHash(range, leaf, sha), old);
  const [oldRoot, newRoot] = [rootOfRange(old, sha), rootOfRange(now, sha)];
  const proof = extensionProof(old, added, sha);
  expect(verifyConsistency({ oldSize: size, oldRoot, newSize: size + 3, newRoot, proof }, sha)).toBe(true);
  expect(verifyConsistency({ oldSize: size - 1, oldRoot, newSize: size + 3, newRoot, proof }, sha)).toBe(false);
});
