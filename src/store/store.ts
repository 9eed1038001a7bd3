import type { AuditRecord, ChainedRecord } from '../core/record.ts';
import type { SwitchStore } from './switch-store.ts';
import type { SessionQuery, SessionRow, TreeStore } from './tree-store.ts';

/** The right to run an admitted call, once: which record admits it, and what that record must say. */
export interface Claim {
  readonly seq: number;
  readonly event: 'llm_admitted' | 'tool_admitted';
  /** SHA-256, hex, of the call. */
  readonly digest: string;
}

/**
 * What came of a claim. `first`: the call is the caller's to run. `again`: it was claimed before. `not_admitted`: the
 * session has no record of that seq, or it is another event, or of another call.
 */
export type Claimed = 'first' | 'again' | 'not_admitted';

/** What {@link Store.append} did. */
export interface Appended {
  /** Records that were new, chained, in order. Empty when all were there already, or a claim was not the first. */
  readonly added: readonly ChainedRecord[];
  /** Sequence number of the session's last stored record, -1 when there is none. */
  readonly lastSeq: number;
  /** Null when nothing was claimed. */
  readonly claimed: Claimed | null;
}

/** Where records, transcripts and contracts are durable. One suite (test/suites/store.ts) holds for every store. */
export interface Store {
  /**
   * Appends a session's records, chained to those before, in one transaction that is on disk when the promise resolves.
   * Idempotent on (session, seq): a record that is there already is skipped when it is the same.
   *
   * With a claim, the same transaction marks the admitted call as started, so that it runs at most once, whatever an
   * operator does to the activity's options. The record that admits it may be among `records` or in the store. Unless the
   * claim is the first, nothing is appended: nobody's log grows by a call that is refused.
   *
   * @throws AegrailError AUDIT_FORK when another record has the same seq, or a seq would be left out; SESSION_ENDED when a
   *   record other than `session_reset` would come after the session's last; AUDIT_UNAVAILABLE when the store fails.
   *   Nothing is appended or claimed then, except that an answer of a server which got lost on its way is
   *   AUDIT_UNAVAILABLE too.
   */
  append(sessionId: string, records: readonly AuditRecord[], claim?: Claim): Promise<Appended>;

  /** One record, or null. */
  record(sessionId: string, seq: number): Promise<ChainedRecord | null>;

  /** A session's records from `fromSeq`, in order, a page at a time: constant memory. */
  records(sessionId: string, fromSeq?: number): AsyncIterable<ChainedRecord>;

  /** A session's lines as they are stored, without newlines: {@link records} without parsing. */
  lines(sessionId: string, fromSeq?: number): AsyncIterable<string>;

  /** Sessions that have records, by start, newest first unless asked otherwise; a page at a time. */
  sessions(query: SessionQuery): AsyncIterable<SessionRow>;

  /**
   * Keeps bytes of a session under their SHA-256 (hex), which is returned.
   *
   * @throws AegrailError SESSION_ENDED after {@link refuseBlobs}
   */
  putBlob(sessionId: string, bytes: Uint8Array): Promise<string>;

  /** A session's bytes by their SHA-256, or null. */
  getBlob(sessionId: string, sha256: string): Promise<Uint8Array | null>;

  /** How many blobs and bytes of a session there are. */
  countBlobs(sessionId: string): Promise<{ readonly blobs: number; readonly bytes: number }>;

  /**
   * From here on no bytes of this session are kept while its log is ended, so that what is still under way does not come
   * back after an erasure. One that goes on after a reset keeps bytes again, until its next end.
   */
  refuseBlobs(sessionId: string): Promise<void>;

  /**
   * Erases all bytes of a session, as far as the store can: see openSqliteStore and openPostgresStore. Its records stay.
   *
   * @returns how many blobs and bytes there were
   */
  eraseBlobs(sessionId: string): Promise<{ readonly blobs: number; readonly bytes: number }>;

  /** The log of logs. */
  readonly tree: TreeStore;

  /** The kill switches. */
  readonly switches: SwitchStore;

  /** Keeps a contract (its canonical JSON) under its SHA-256 (hex), which is returned. */
  putContract(canonicalJson: string): Promise<string>;

  /** A contract's canonical JSON by its SHA-256, or null. */
  getContract(sha256: string): Promise<string | null>;

  close(): Promise<void>;
}
