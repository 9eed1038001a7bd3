import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';

/** What stands before the 32 bytes in a DER key (RFC 8410): Node takes no raw ones. */
const PRIVATE_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const PUBLIC_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** Bytes of a public key, and of a private key's seed (RFC 8032). */
export const ED25519_KEY_BYTES = 32;
export const ED25519_SIGNATURE_BYTES = 64;

/** A signature of a message, as 64 bytes. */
export type Sign = (message: Uint8Array) => Uint8Array;
/** Whether a signature is that of a message. */
export type Verify = (message: Uint8Array, signature: Uint8Array) => boolean;

/** Checks signatures of a public key of 32 bytes. */
export function ed25519Verifier(publicKey: Uint8Array): Verify {
  const key = createPublicKey({ key: Buffer.concat([PUBLIC_PREFIX, publicKey]), format: 'der', type: 'spki' });
  return (message, signature) => signature.length === ED25519_SIGNATURE_BYTES && verify(null, message, key, signature);
}

/** Signs with a seed of 32 bytes. The seed itself is not kept. */
export function ed25519Signer(seed: Uint8Array): { readonly publicKey: Uint8Array; readonly sign: Sign } {
  const key = createPrivateKey({ key: Buffer.concat([PRIVATE_PREFIX, seed]), format: 'der', type: 'pkcs8' });
  return { publicKey: rawPublicKey(createPublicKey(key)), sign: (message) => sign(null, message, key) };
}

function rawPublicKey(key: KeyObject): Uint8Array {
  return key.export({ format: 'der', type: 'spki' }).subarray(PUBLIC_PREFIX.length);
}
