import type { SigningKey, VerifierKey } from './key.ts';
import type { NoteSignature } from './note.ts';

/** Bytes of the time before the Ed25519 signature. */
const TIME_BYTES = 8;

/**
 * Cosigns a checkpoint's text as C2SP tlog-cosignature has it (`cosignature/v1`): 8 bytes of time, then Ed25519.
 *
 * @param key a witness's: of the purpose `cosignature`
 * @param unixSeconds when; a whole number from 1
 */
export function cosignText(text: string, key: SigningKey, unixSeconds: number): NoteSignature {
  const { name, hash } = key.verifier;
  const time = Buffer.alloc(TIME_BYTES);
  time.writeBigUInt64BE(BigInt(unixSeconds));
  return { name, keyHash: hash, signature: Buffer.concat([time, key.sign(messageOf(text, unixSeconds))]) };
}

/**
 * When a witness cosigned a checkpoint's text.
 *
 * @returns unix seconds, or null when the signature is not a good one of this witness
 */
export function cosignedAt(text: string, signature: NoteSignature, key: VerifierKey): number | null {
  if (key.purpose !== 'cosignature' || signature.name !== key.name || signature.keyHash !== key.hash) return null;
  if (signature.signature.length <= TIME_BYTES) return null;
  const bytes = Buffer.from(signature.signature);
  const unixSeconds = Number(bytes.readBigUInt64BE(0));
  // Zero says nothing about time, and tlog-witness forbids it.
  if (unixSeconds === 0 || !Number.isSafeInteger(unixSeconds)) return null;
  return key.verify(messageOf(text, unixSeconds), bytes.subarray(TIME_BYTES)) ? unixSeconds : null;
}

function messageOf(text: string, unixSeconds: number): Uint8Array {
  return Buffer.from(`cosignature/v1\ntime ${unixSeconds}\n${text}`, 'utf8');
}
