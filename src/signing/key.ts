import { createHash, randomBytes } from 'node:crypto';
import { AegrailError } from '../core/errors.ts';
import { fromBase64, toBase64 } from './base64.ts';
import { ED25519_KEY_BYTES, ed25519Signer, ed25519Verifier, type Sign, type Verify } from './ed25519.ts';

/** What a key is for: `note` signs logs and contracts, `cosignature` is a witness's. One must not pass for the other. */
export type KeyPurpose = 'note' | 'cosignature';

/** Signature types of C2SP signed-note. */
const TYPES: Readonly<Record<KeyPurpose, number>> = { note: 0x01, cosignature: 0x04 };

/** Names of keys, as C2SP signed-note has them: no Unicode space, no plus. */
export const KEY_NAME = /^[^\p{White_Space}+]+$/u;
/** Names that we give: {@link KEY_NAME}, and safe in paths, YAML and URLs. */
export const ORIGIN = /^[A-Za-z0-9._/-]{1,200}$/;

/** A public key with the name it goes by. */
export interface VerifierKey {
  readonly name: string;
  /** Eight lower-case hex digits: the first 4 bytes of SHA-256(name || 0x0A || type || public key). */
  readonly hash: string;
  /** `<name>+<hash>`. */
  readonly id: string;
  /** `<name>+<hash>+<base64 of type and public key>`. */
  readonly vkey: string;
  readonly purpose: KeyPurpose;
  /** Whether an Ed25519 signature (64 bytes) of a message is this key's. */
  readonly verify: Verify;
}

/** A private key. It shows nothing of itself. */
export interface SigningKey {
  readonly verifier: VerifierKey;
  /** Ed25519 over the bytes of a message: 64 bytes. */
  readonly sign: Sign;
}

/**
 * Reads a verifier key (vkey) of C2SP signed-note.
 *
 * @throws AegrailError CONFIG_INVALID when it is none, its hash is not that of its key, or it is for something else
 */
export function parseVkey(text: string, purpose: KeyPurpose = 'note'): VerifierKey {
  const [, name = '', hash = '', base64 = ''] = /^([^+]*)\+([0-9a-f]{8})\+(.*)$/su.exec(text) ?? [];
  if (!isName(name)) throw invalid(`${shown(text)} is no verifier key: it must be name+hash+base64`);
  const publicKey = keyBytes(base64, purpose, `the verifier key ${name}+${hash}`);
  const verifier = verifierOf(name, publicKey, purpose);
  if (verifier.hash !== hash)
    throw invalid(`the verifier key ${name}+${hash} is damaged: the hash of its name and key is ${verifier.hash}`);
  return verifier;
}

/**
 * Reads a private key (skey) in Go's form, `PRIVATE+KEY+<name>+<hash>+<base64>`, without line end.
 *
 * @throws AegrailError CONFIG_INVALID; the message holds nothing of the key but name and hash
 */
export function parseSkey(text: string, purpose: KeyPurpose = 'note'): SigningKey {
  const [, name = '', hash = '', base64 = ''] =
    /^PRIVATE\+KEY\+([^+]*)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]*)$/.exec(text) ?? [];
  if (!isName(name)) throw invalid('this is no private key: it must be one line, PRIVATE+KEY+name+hash+base64');
  const { publicKey, sign } = ed25519Signer(keyBytes(base64, purpose, `the private key ${name}+${hash}`));
  const verifier = verifierOf(name, publicKey, purpose);
  if (verifier.hash !== hash)
    throw invalid(`the private key ${name}+${hash} is damaged: the hash of its name and key is ${verifier.hash}`);
  return { verifier, sign };
}

/** Makes a private key and writes it as {@link parseSkey} reads it. @throws AegrailError CONFIG_INVALID for a bad name */
export function generateSkey(name: string, purpose: KeyPurpose = 'note'): string {
  if (!ORIGIN.test(name))
    throw invalid(
      `${shown(name)} is no name for a key: it must be a name such as example.com/aegrail, up to 200 of A-Z a-z 0-9 . _ / -`,
    );
  const seed = randomBytes(ED25519_KEY_BYTES);
  const { hash } = verifierOf(name, ed25519Signer(seed).publicKey, purpose);
  return `PRIVATE+KEY+${name}+${hash}+${toBase64(Buffer.from([TYPES[purpose], ...seed]))}`;
}

function verifierOf(name: string, publicKey: Uint8Array, purpose: KeyPurpose): VerifierKey {
  const typed = Buffer.from([TYPES[purpose], ...publicKey]);
  const hash = createHash('sha256').update(`${name}\n`).update(typed).digest('hex').slice(0, 8);
  const id = `${name}+${hash}`;
  return { name, hash, id, vkey: `${id}+${toBase64(typed)}`, purpose, verify: ed25519Verifier(publicKey) };
}

/** The 32 bytes after the type. Never shows what it reads: it may be private. */
function keyBytes(base64: string, purpose: KeyPurpose, what: string): Uint8Array {
  const bytes = fromBase64(base64);
  if (bytes === null || bytes.length === 0) throw invalid(`${what} is damaged: its last part is not base64`);
  if (bytes[0] !== TYPES[purpose]) throw invalid(`${what} ${wrongType(bytes[0], purpose)}`);
  if (bytes.length !== 1 + ED25519_KEY_BYTES)
    throw invalid(`${what} is damaged: an Ed25519 key has ${ED25519_KEY_BYTES} bytes, not ${bytes.length - 1}`);
  return bytes.subarray(1);
}

function wrongType(type: number | undefined, purpose: KeyPurpose): string {
  if (type === TYPES.cosignature) return "is a witness's: it signs no logs";
  if (type === TYPES.note && purpose === 'cosignature')
    return 'is a log\'s, not a witness\'s: "aegrail keys new --witness" makes one';
  return `is of type ${type}: only Ed25519 keys (type ${TYPES[purpose]}) are known here`;
}

function isName(name: string): boolean {
  return KEY_NAME.test(name) && name.isWellFormed();
}

function shown(text: string): string {
  // A private key that stands where a public one should must not get into a log.
  if (text.includes('PRIVATE')) return 'a private key';
  return JSON.stringify(text.length <= 80 ? text : `${text.slice(0, 80)}…`);
}

function invalid(message: string): AegrailError {
  return new AegrailError('CONFIG_INVALID', message);
}
