import { isCanonicalUtf8 } from './canonical-text.ts';
import { canonicalJson } from './canonical.ts';
import { type Fault, type FaultName, faultOf } from './faults.ts';
import { isHex64 } from './hex64.ts';
import type { AuditRecord, ChainedRecord } from './record.ts';

/**
 * The chain. A line is the canonical form (RFC 8785) of the whole chained record; its `hash` is the SHA-256, in
 * lower-case hex, of that line without the `hash` member. Keys are sorted, and those before `hash` are strings and a flat
 * object of numbers, so `,"hash":"…"` stands at the first place where a line has `,"hash":"`: a link is checked over the
 * bytes as they were written, by cutting that piece out.
 */

/** SHA-256 of a string's UTF-8 bytes, in lower-case hex: node:crypto's, or the pure one of sha256.ts. */
export type Sha256 = (text: string) => string;

/** `prev_hash` of a session's first record. */
export const GENESIS_HASH = '0'.repeat(64);

/** A record in the chain, and the line that is stored and exported (without a newline). */
export interface Chained {
  readonly record: ChainedRecord;
  readonly line: string;
}

/** What a line was found to be. `why` names no content of the line: it may come from anybody. */
export type LineCheck =
  | { readonly ok: true; readonly record: ChainedRecord; readonly hash: string }
  | ({ readonly ok: false } & Fault);

/** What must come next in a session's log. */
export interface ExpectedLink {
  readonly seq: number;
  readonly prevHash: string;
  readonly sessionId?: string;
}

const HASH_MEMBER = ',"hash":"';
const AFTER_HASH = ',"invoking_user":';
/** Nesting of a whole line: what {@link checkJson} lets into arguments, and what records put around them. */
const MAX_LINE_DEPTH = 128;

/**
 * Chains a record to the one before it.
 *
 * @throws TypeError when the record is not JSON
 */
export function chainRecord(record: AuditRecord, prevHash: string, sha256: Sha256): Chained {
  // A record that was chained before is welcome: its old link is not part of it.
  const linked = { ...record, prev_hash: prevHash, hash: undefined };
  const text = canonicalJson(linked);
  const hash = sha256(text);
  const at = text.indexOf(AFTER_HASH);
  if (at < 0) throw new TypeError('a record without invoking_user can not be chained');
  return { record: { ...linked, hash }, line: `${text.slice(0, at)}${HASH_MEMBER}${hash}"${text.slice(at)}` };
}

/** A stored or exported line of a chained record, without a newline. */
export function lineOf(record: ChainedRecord): string {
  return canonicalJson(record);
}

/** Checks one line for itself and against the one before it. */
export function checkLine(line: string, expected: ExpectedLink, sha256: Sha256): LineCheck {
  const read = readLine(line, sha256);
  if (!read.ok) return read;
  const fault = checkLink(read.record, expected);
  return fault === null ? read : { ok: false, ...fault };
}

/** Checks one line for itself: JSON in its canonical form, with the hash of its own bytes. Says nothing of its place. */
export function readLine(line: string, sha256: Sha256): LineCheck {
  const bytes = new TextEncoder().encode(line);
  const { record, fault } = examineLine({ text: line, bytes, from: 0, end: bytes.length }, sha256);
  // A lone surrogate has no UTF-8: its bytes are those of another character.
  if (fault === null && !line.isWellFormed()) return { ok: false, ...NOT_CANONICAL };
  return fault === null ? { ok: true, record, hash: record.hash } : { ok: false, ...fault };
}

/** A line as it was read: where its UTF-8 stands, without LF, and what it says. */
export interface LineBytes {
  readonly text: string;
  readonly bytes: Uint8Array;
  readonly from: number;
  /** After its last byte. */
  readonly end: number;
}

/**
 * What a line holds, and the first thing that is wrong with it. `record` is there, whatever else is wrong, when it is JSON
 * with the members of a link in their form. Nothing more is known of its shape: whoever needs it checks it.
 */
export type LineReading =
  | { readonly record: ChainedRecord; readonly fault: null }
  | { readonly record: ChainedRecord | null; readonly fault: Fault };

/** {@link readLine} of bytes from a file, and also of a line that is wrong what can be known of it. */
export function examineLine({ text, bytes, from, end }: LineBytes, sha256: Sha256): LineReading {
  if (text === '') return wrong('empty_line', 'an empty line');
  if (text.endsWith('\r')) return wrong('crlf', 'ends in CRLF: lines end in LF alone');
  const value = parse(text);
  if (value === undefined) return wrong('not_json', 'not a JSON object');
  const why = linkFault(value);
  const fault =
    hashFault(text, value['hash'], sha256) ??
    // Another reader must see the same record in these bytes: no key twice, no 2^53+1.
    (isCanonicalUtf8(bytes, from, end, MAX_LINE_DEPTH) ? null : NOT_CANONICAL) ??
    (why === null ? null : faultOf('bad_link', why));
  // Only the members of the link are known to be right: whoever needs more of the shape checks it.
  const record = value as unknown as ChainedRecord;
  return fault === null ? { record, fault } : { record: why === null ? record : null, fault };
}

/** Why a record does not come next, or null. */
export function checkLink(
  record: Pick<ChainedRecord, 'session_id' | 'seq' | 'prev_hash'>,
  expected: ExpectedLink,
): Fault | null {
  const { seq } = expected;
  if (expected.sessionId !== undefined && record.session_id !== expected.sessionId)
    return faultOf('other_session', 'a record of another session');
  if (record.seq === seq + 1) return faultOf('gap', `record ${seq} is missing before this one`);
  if (record.seq > seq) return faultOf('gap', `records ${seq} to ${record.seq - 1} are missing before this one`);
  if (record.seq < seq) {
    const why = `record ${record.seq} where ${seq} comes next: it is there twice, or out of order`;
    return faultOf('repeated', why);
  }
  if (record.prev_hash === expected.prevHash) return null;
  return faultOf('prev_hash_mismatch', 'prev_hash is not the hash of the record before it');
}

const NOT_CANONICAL = faultOf('not_canonical', 'not in canonical form (RFC 8785)');

function wrong(fault: FaultName, why: string): LineReading {
  return { record: null, fault: { fault, why } };
}

/** Whether a line has its own hash where it must be: that of the line without the `hash` member. */
function hashFault(line: string, member: unknown, sha256: Sha256): Fault | null {
  const at = line.indexOf(HASH_MEMBER);
  const from = at + HASH_MEMBER.length;
  const end = from + GENESIS_HASH.length;
  const hash = line.slice(from, end);
  if (at < 0 || member !== hash || line[end] !== '"') return faultOf('no_hash', 'no hash where it must be');
  if (sha256(line.slice(0, at) + line.slice(end + 1)) === hash) return null;
  if (!isHex64(hash)) return faultOf('no_hash', 'no hash where it must be');
  return faultOf('hash_mismatch', 'the hash is not that of the line: it was changed');
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function linkFault(value: Record<string, unknown>): string | null {
  if (typeof value['session_id'] !== 'string' || value['session_id'] === '') return 'session_id is not text';
  if (!Number.isSafeInteger(value['seq']) || (value['seq'] as number) < 0) return 'seq is not a whole number from 0';
  if (!isHex64(value['prev_hash'])) return 'prev_hash is not 64 hex digits';
  return null;
}
