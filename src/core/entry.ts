/**
 * Entries of the log of logs: the leaves of a store's one append-only Merkle tree (RFC 6962). The data of a leaf are the
 * UTF-8 bytes of an entry's canonical form (RFC 8785). docs/AUDIT.md specifies them.
 */

/** Version of an entry's form. */
export const ENTRY_VERSION = 1;

/** What stands before an entry's canonical form in the bytes that are signed. */
export const ENTRY_SIGNATURE_CONTEXT = 'aegrail-entry/v1\n';

/** A session is an entry at least every so many records: at the sequence numbers 255, 511 … */
export const ENTRY_EVERY_RECORDS = 256;

/** A session that goes on is an entry at least this long after its last one, in milliseconds. */
export const ENTRY_EVERY_MS = 600_000;

/** An Ed25519 signature of an entry. `key` is a key's id: `<name>+<8 hex digits>`. */
export interface EntrySignature {
  readonly key: string;
  /** Base64 of the 64 bytes. */
  readonly signature: string;
}

/** A session's log up to one of its records. */
export interface HeadEntry {
  readonly v: typeof ENTRY_VERSION;
  readonly kind: 'head';
  readonly session_id: string;
  readonly agent_identity: string;
  /** SHA-256, hex, of `<session_id>\n<invoking_user>`: who knows a user can find that user's sessions, nobody else can. */
  readonly user_sha256: string;
  /** `ts` of the session's first record. */
  readonly started: string;
  /** `ts` of the record at `seq`. */
  readonly ts: string;
  readonly seq: number;
  /** `hash` of the record at `seq`. */
  readonly hash: string;
  /** Whether that record ends the session. */
  readonly ended: boolean;
}

/** A log's first key, signed by itself. */
export interface KeyAddedEntry {
  readonly v: typeof ENTRY_VERSION;
  readonly kind: 'key_added';
  readonly at: string;
  readonly key: string;
  readonly signatures: readonly EntrySignature[];
}

/** From here on `to` signs, in the place of `from`. Signed by both. */
export interface KeyRotatedEntry {
  readonly v: typeof ENTRY_VERSION;
  readonly kind: 'key_rotated';
  readonly at: string;
  readonly from: string;
  readonly to: string;
  readonly signatures: readonly EntrySignature[];
}

/** A key that nobody may trust from here on. Signed by the active key, which is another. */
export interface KeyRevokedEntry {
  readonly v: typeof ENTRY_VERSION;
  readonly kind: 'key_revoked';
  readonly at: string;
  readonly key: string;
  readonly reason: string;
  readonly signatures: readonly EntrySignature[];
}

/** Texts and payloads of a session were erased. Signed by the active key. */
export interface ErasureEntry {
  readonly v: typeof ENTRY_VERSION;
  readonly kind: 'erasure';
  readonly at: string;
  readonly session_id: string;
  readonly reason: string;
  readonly blobs: number;
  readonly bytes: number;
  readonly signatures: readonly EntrySignature[];
}

/** A statement about keys. `key`, `from` and `to` are verifier keys (vkeys). */
export type KeyEntry = KeyAddedEntry | KeyRotatedEntry | KeyRevokedEntry;

/** One leaf. */
export type LogEntry = HeadEntry | KeyEntry | ErasureEntry;
