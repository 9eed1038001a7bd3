import { createHash } from 'node:crypto';
import { toBase64 } from '../../src/signing/base64.ts';
import { ed25519Signer } from '../../src/signing/ed25519.ts';
import { type KeyPurpose, parseSkey, type SigningKey } from '../../src/signing/key.ts';

/** The log of logs of the vectors. */
export const ORIGIN = 'example.com/aegrail';

/** The log's first key, and the one that it was rotated to. */
export const FIRST = keyOf(ORIGIN, 1);
export const SECOND = keyOf(ORIGIN, 2);
/** A key of that name that the log never had. */
export const STRANGER = keyOf(ORIGIN, 3);
/** A key of another log. */
export const OTHER_LOG = keyOf('example.com/other', 5);
/** A witness's key under the log's name: it signs no log. */
export const NAMESAKE = keyOf(ORIGIN, 6, 'cosignature');
export const WITNESS = keyOf('witness.example.org', 4, 'cosignature');

/** A key whose seed is 32 times one byte. Whoever reads this has it: it is good for vectors and for nothing else. */
function keyOf(name: string, byte: number, purpose: KeyPurpose = 'note'): SigningKey {
  const seed = Buffer.alloc(32, byte);
  const type = purpose === 'note' ? 1 : 4;
  const publicKey = ed25519Signer(seed).publicKey;
  const hash = createHash('sha256').update(`${name}\n`).update(Buffer.from([type, ...publicKey])).digest('hex').slice(0, 8);
  return parseSkey(`PRIVATE+KEY+${name}+${hash}+${toBase64(Buffer.from([type, ...seed]))}`, purpose);
}
