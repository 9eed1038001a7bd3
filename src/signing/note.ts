import { AegrailError } from '../core/errors.ts';
import { fromBase64, toBase64 } from './base64.ts';
import { KEY_NAME, type SigningKey, type VerifierKey } from './key.ts';

/** Longest note, and most signatures, that are read. C2SP asks for 16 at least. */
const MAX_NOTE_CHARS = 1_000_000;
const MAX_SIGNATURES = 100;

const KEY_HASH_BYTES = 4;
/** Control characters but LF. */
// oxlint-disable-next-line no-control-regex -- these are what C2SP signed-note forbids
const CONTROL = /[\u0000-\u0009\u000b-\u001f]/;

/** One signature line of a note. Lines of keys that nobody here knows are kept. */
export interface NoteSignature {
  readonly name: string;
  /** Eight lower-case hex digits. */
  readonly keyHash: string;
  /** What comes after the 4 bytes of the key's hash. */
  readonly signature: Uint8Array;
}

/** A signed note (C2SP signed-note). */
export interface Note {
  /** What is signed, with its final LF. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/**
 * Reads a signed note. Says nothing about whether its signatures are good.
 *
 * @throws AegrailError LOG_INVALID with a reason
 */
export function parseNote(note: string): Note {
  if (note.length > MAX_NOTE_CHARS) throw invalid(`it has more than ${MAX_NOTE_CHARS} characters`);
  if (!note.isWellFormed()) throw invalid('it is not UTF-8');
  if (CONTROL.test(note)) throw invalid('it holds a control character other than LF');
  if (!note.endsWith('\n')) throw invalid('it does not end with LF');
  const split = note.lastIndexOf('\n\n');
  if (split < 0) throw invalid('it has no empty line before its signatures');
  if (split + 2 === note.length) throw invalid('it has no signature');
  const lines = note.slice(split + 2, -1).split('\n');
  if (lines.length > MAX_SIGNATURES) throw invalid(`it has more than ${MAX_SIGNATURES} signatures`);
  return { text: note.slice(0, split + 1), signatures: lines.map(parseSignatureLine) };
}

/** Reads a signature line, without its LF. @throws AegrailError LOG_INVALID */
export function parseSignatureLine(line: string): NoteSignature {
  const [, name = '', base64 = ''] = /^\u2014 ([^ ]+) ([^ ]+)$/u.exec(line) ?? [];
  if (!KEY_NAME.test(name)) throw invalid('a signature line is not an em dash, a name without + and base64');
  const bytes = fromBase64(base64);
  if (bytes === null) throw invalid(`a signature of ${name} is not base64 in its one form`);
  if (bytes.length <= KEY_HASH_BYTES) throw invalid(`a signature of ${name} is too short`);
  return {
    name,
    keyHash: Buffer.from(bytes.subarray(0, KEY_HASH_BYTES)).toString('hex'),
    signature: bytes.subarray(KEY_HASH_BYTES),
  };
}

/** Writes a note from its text, which ends with LF, and its signatures. */
export function formatNote(text: string, signatures: readonly NoteSignature[]): string {
  return `${text}\n${signatures.map(formatSignatureLine).join('')}`;
}

/** Writes a signature line, with its LF. */
export function formatSignatureLine({ name, keyHash, signature }: NoteSignature): string {
  return `\u2014 ${name} ${toBase64(Buffer.concat([Buffer.from(keyHash, 'hex'), signature]))}\n`;
}

/** Signs a text, which ends with LF. */
export function signNote(text: string, key: SigningKey): NoteSignature {
  const { name, hash } = key.verifier;
  return { name, keyHash: hash, signature: key.sign(Buffer.from(text, 'utf8')) };
}

/** A note's signature lines with a key's name and hash. */
export function signaturesOf(note: Note, { name, hash }: VerifierKey): readonly NoteSignature[] {
  return note.signatures.filter((signature) => signature.name === name && signature.keyHash === hash);
}

/**
 * Whether a note has a signature line of a key, and each line with that key's name and hash is a good signature of the
 * text: C2SP has a note with a bad one of a known key rejected as a whole.
 */
export function isSignedBy(note: Note, key: VerifierKey): boolean {
  const signatures = signaturesOf(note, key);
  const text = Buffer.from(note.text, 'utf8');
  return signatures.length > 0 && signatures.every(({ signature }) => key.verify(text, signature));
}

function invalid(why: string): AegrailError {
  return new AegrailError('LOG_INVALID', `this is no signed note: ${why}`);
}
