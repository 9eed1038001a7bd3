import { createHash } from 'node:crypto';
import { canonicalJson } from '../core/canonical.ts';
import { ENTRY_SIGNATURE_CONTEXT, type EntrySignature, type LogEntry } from '../core/entry.ts';
import { AegrailError } from '../core/errors.ts';
import { fromBase64, toBase64 } from './base64.ts';
import { entryProblem } from './entry-form.ts';
import type { SigningKey, VerifierKey } from './key.ts';

/** Entries with signatures. */
export type SignedEntry = Extract<LogEntry, { readonly signatures: readonly EntrySignature[] }>;
type WithoutSignatures<T> = T extends unknown ? Omit<T, 'signatures'> : never;
/** What is signed of them. */
export type UnsignedEntry = WithoutSignatures<SignedEntry>;

/** An entry's canonical form: the text whose UTF-8 bytes are the leaf's data. */
export function entryText(entry: LogEntry): string {
  return canonicalJson(entry);
}

/**
 * Reads an entry: canonical, of a known kind, with just its members. Signatures are not checked.
 *
 * @throws AegrailError LOG_INVALID with a reason
 */
export function parseEntry(text: string): LogEntry {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    throw invalid('it is not JSON', thrown);
  }
  const problem = entryProblem(value);
  if (problem !== null) throw invalid(problem);
  const entry = value as LogEntry;
  if (!isCanonical(entry, text)) throw invalid('it is not in canonical form (RFC 8785)');
  return entry;
}

/** Signs an entry with keys, in their order. */
export function signEntry<E extends UnsignedEntry>(
  unsigned: E,
  keys: readonly SigningKey[],
): Extract<SignedEntry, { readonly kind: E['kind'] }> {
  const message = signedBytes(unsigned);
  const signatures = keys.map(({ verifier, sign }) => ({ key: verifier.id, signature: toBase64(sign(message)) }));
  return { ...unsigned, signatures } as unknown as Extract<SignedEntry, { readonly kind: E['kind'] }>;
}

/** Whether an entry has a signature of a key, and each one under that key's id is good. A head has none. */
export function entrySignedBy(entry: LogEntry, key: VerifierKey): boolean {
  if (!('signatures' in entry)) return false;
  const { signatures, ...unsigned } = entry;
  const own = signatures.filter((signature) => signature.key === key.id);
  if (own.length === 0) return false;
  const message = signedBytes(unsigned);
  return own.every(({ signature }) => {
    const bytes = fromBase64(signature);
    return bytes !== null && key.verify(message, bytes);
  });
}

/** `user_sha256` of a session's heads. */
export function userHash(sessionId: string, user: string): string {
  return createHash('sha256').update(`${sessionId}\n${user}`, 'utf8').digest('hex');
}

function signedBytes(unsigned: object): Uint8Array {
  return Buffer.from(ENTRY_SIGNATURE_CONTEXT + canonicalJson(unsigned), 'utf8');
}

function isCanonical(entry: LogEntry, text: string): boolean {
  try {
    return entryText(entry) === text;
  } catch {
    // A lone surrogate, say: it has no canonical form.
    return false;
  }
}

function invalid(why: string, cause?: unknown): AegrailError {
  return new AegrailError('LOG_INVALID', `this is no entry: ${why}`, cause === undefined ? {} : { cause });
}
