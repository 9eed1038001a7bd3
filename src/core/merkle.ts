/**
 * The Merkle tree of RFC 6962, section 2.1: hashes, roots, and the proofs that logs and their witnesses exchange. Pure:
 * the caller hands in SHA-256. Sizes are whole numbers up to 2^53-1, so nothing here uses 32-bit operators on them.
 */

/** SHA-256 of bytes: 32 bytes. */
export type Sha256Bytes = (data: Uint8Array) => Uint8Array;

/** The roots of the perfect trees that a tree's leaves fall into, the largest first: enough to go on appending. */
export interface Range {
  /** How many leaves there are. */
  readonly size: number;
  readonly hashes: readonly Uint8Array[];
}

/** Two roots, and what shows that the larger tree only appended to the smaller one. */
export interface Consistency {
  readonly oldSize: number;
  readonly oldRoot: Uint8Array;
  readonly newSize: number;
  readonly newRoot: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

/** A leaf's hash, and what shows that the tree of a root has it at an index. */
export interface Inclusion {
  readonly leafHash: Uint8Array;
  readonly index: number;
  readonly size: number;
  readonly root: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

/** Hash of a leaf: SHA-256(0x00 || data). */
export function leafHash(data: Uint8Array, sha256: Sha256Bytes): Uint8Array {
  const bytes = new Uint8Array(data.length + 1);
  bytes.set(data, 1);
  return sha256(bytes);
}

/** Hash of an inner node: SHA-256(0x01 || left || right). */
export function nodeHash(left: Uint8Array, right: Uint8Array, sha256: Sha256Bytes): Uint8Array {
  const bytes = new Uint8Array(1 + left.length + right.length);
  bytes[0] = 1;
  bytes.set(left, 1);
  bytes.set(right, 1 + left.length);
  return sha256(bytes);
}

/** The range of no leaves. */
export function emptyRange(): Range {
  return { size: 0, hashes: [] };
}

/** A range with one leaf more. Costs a hash on average. */
export function appendHash(range: Range, leaf: Uint8Array, sha256: Sha256Bytes): Range {
  const hashes = range.hashes.slice();
  let hash = leaf;
  for (let left = range.size; left % 2 === 1; left = half(left)) hash = nodeHash(last(hashes.splice(-1)), hash, sha256);
  hashes.push(hash);
  return { size: range.size + 1, hashes };
}

/** The tree's root: of no leaves, SHA-256 of nothing. */
export function rootOfRange({ hashes }: Range, sha256: Sha256Bytes): Uint8Array {
  if (hashes.length === 0) return sha256(new Uint8Array(0));
  return hashes.reduceRight((right, left) => nodeHash(left, right, sha256));
}

/**
 * Proof that the first `newSize` leaves begin with the first `oldSize` (RFC 6962, section 2.1.2). Empty when `oldSize`
 * is 0 or `newSize`. Costs a hash a leaf; {@link extensionProof} costs one a new leaf.
 *
 * @throws RangeError when the sizes are not 0 <= oldSize <= newSize <= number of leaves
 */
export function consistencyProof(
  leafHashes: readonly Uint8Array[],
  oldSize: number,
  newSize: number,
  sha256: Sha256Bytes,
): Uint8Array[] {
  if (!isWhole(oldSize) || !isWhole(newSize) || oldSize > newSize || newSize > leafHashes.length)
    throw new RangeError(`no proof from ${oldSize} to ${newSize} of ${leafHashes.length} leaves`);
  return extensionProof(rangeOf(leafHashes.slice(0, oldSize), sha256), leafHashes.slice(oldSize, newSize), sha256);
}

/**
 * The same proof from a tree's range and the leaves that came after. The parts of it that lie in the old tree are the
 * range's own hashes, so the old leaves are not needed.
 */
export function extensionProof(old: Range, added: readonly Uint8Array[], sha256: Sha256Bytes): Uint8Array[] {
  if (old.size === 0 || added.length === 0) return [];
  const peaks = peaksOf(old);
  const hashOf = (from: number, to: number): Uint8Array =>
    to <= old.size
      ? (peaks.get(from) ?? new Uint8Array(0))
      : rootOfRange(rangeOf(added.slice(from - old.size, to - old.size), sha256), sha256);
  // SUBPROOF of RFC 6962: `whole` says that the verifier has the root of the part, because it is the old root.
  const part = (from: number, to: number, whole: boolean): Uint8Array[] => {
    if (to === old.size) return whole ? [] : [hashOf(from, to)];
    const middle = from + leftSize(to - from);
    return old.size <= middle
      ? [...part(from, middle, whole), hashOf(middle, to)]
      : [...part(middle, to, false), hashOf(from, middle)];
  };
  return part(0, old.size + added.length, true);
}

/**
 * Proof that a leaf is at `index` of the tree of the first `size` leaves (RFC 6962, section 2.1.1).
 *
 * @throws RangeError when not 0 <= index < size <= number of leaves
 */
export function inclusionProof(
  leafHashes: readonly Uint8Array[],
  index: number,
  size: number,
  sha256: Sha256Bytes,
): Uint8Array[] {
  if (!isWhole(index) || !isWhole(size) || index >= size || size > leafHashes.length)
    throw new RangeError(`no proof of leaf ${index} in the first ${size} of ${leafHashes.length} leaves`);
  const hashOf = (from: number, to: number): Uint8Array =>
    rootOfRange(rangeOf(leafHashes.slice(from, to), sha256), sha256);
  const path = (from: number, to: number): Uint8Array[] => {
    if (to - from === 1) return [];
    const middle = from + leftSize(to - from);
    return index < middle ? [...path(from, middle), hashOf(middle, to)] : [...path(middle, to), hashOf(from, middle)];
  };
  return path(0, size);
}

/** Whether a consistency proof holds (RFC 9162, section 2.1.4.2). A proof of the wrong length does not. */
export function verifyConsistency(claim: Consistency, sha256: Sha256Bytes): boolean {
  const { oldSize, oldRoot, newSize, newRoot, proof } = claim;
  if (!isWhole(oldSize) || !isWhole(newSize) || oldSize > newSize) return false;
  if (oldSize === newSize) return proof.length === 0 && isSame(oldRoot, newRoot);
  if (oldSize === 0) return proof.length === 0 && isSame(oldRoot, rootOfRange(emptyRange(), sha256));
  const [first, ...rest] = isPowerOfTwo(oldSize) ? [oldRoot, ...proof] : proof;
  if (first === undefined) return false;
  let old = oldSize - 1;
  let now = newSize - 1;
  for (; old % 2 === 1; old = half(old)) now = half(now);
  let oldHash = first;
  let newHash = first;
  for (const hash of rest) {
    if (now === 0) return false;
    if (old % 2 === 1 || old === now) {
      oldHash = nodeHash(hash, oldHash, sha256);
      newHash = nodeHash(hash, newHash, sha256);
      for (; old % 2 === 0 && old !== 0; old = half(old)) now = half(now);
    } else {
      newHash = nodeHash(newHash, hash, sha256);
    }
    old = half(old);
    now = half(now);
  }
  return now === 0 && isSame(oldHash, oldRoot) && isSame(newHash, newRoot);
}

/** Whether an inclusion proof holds (RFC 9162, section 2.1.3.2). A proof of the wrong length does not. */
export function verifyInclusion(claim: Inclusion, sha256: Sha256Bytes): boolean {
  const { index, size, root, proof } = claim;
  if (!isWhole(index) || !isWhole(size) || index >= size) return false;
  let at = index;
  let end = size - 1;
  let found = claim.leafHash;
  for (const hash of proof) {
    if (end === 0) return false;
    if (at % 2 === 1 || at === end) {
      found = nodeHash(hash, found, sha256);
      for (; at % 2 === 0 && at !== 0; at = half(at)) end = half(end);
    } else {
      found = nodeHash(found, hash, sha256);
    }
    at = half(at);
    end = half(end);
  }
  return end === 0 && isSame(found, root);
}

/** The range of leaves, from their hashes. */
export function rangeOf(leafHashes: readonly Uint8Array[], sha256: Sha256Bytes): Range {
  const hashes: Uint8Array[] = [];
  for (const [index, leaf] of leafHashes.entries()) {
    let hash = leaf;
    for (let left = index; left % 2 === 1; left = half(left)) hash = nodeHash(last(hashes.splice(-1)), hash, sha256);
    hashes.push(hash);
  }
  return { size: leafHashes.length, hashes };
}

/** A range's hashes by the index of the first leaf of each. */
function peaksOf({ size, hashes }: Range): Map<number, Uint8Array> {
  const peaks = new Map<number, Uint8Array>();
  let from = 0;
  for (const hash of hashes) {
    peaks.set(from, hash);
    // The largest power of two that still fits.
    from += leftSize(size - from + 1);
  }
  return peaks;
}

/** The largest power of two smaller than a size of 2 or more. */
function leftSize(size: number): number {
  let left = 1;
  while (left * 2 < size) left *= 2;
  return left;
}

function isPowerOfTwo(size: number): boolean {
  return leftSize(size + 1) === size;
}

function half(size: number): number {
  return Math.floor(size / 2);
}

function isWhole(size: number): boolean {
  return Number.isSafeInteger(size) && size >= 0;
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

function last(hashes: readonly Uint8Array[]): Uint8Array {
  const hash = hashes.at(-1);
  if (hash === undefined) throw new RangeError('a range with fewer hashes than its size has ones');
  return hash;
}
