import { createHash } from 'node:crypto';

/** MTH of RFC 6962, section 2.1, word by word: nothing of ours is in it. */
export function naiveRoot(leaves: readonly string[]): Buffer {
  if (leaves.length === 0) return createHash('sha256').digest();
  if (leaves.length === 1) return createHash('sha256').update('\u0000').update(leaves[0]!).digest();
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  const left = naiveRoot(leaves.slice(0, split));
  return createHash('sha256')
    .update('\u0001')
    .update(left)
    .update(naiveRoot(leaves.slice(split)))
    .digest();
}
