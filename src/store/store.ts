import type { AuditRecord, ChainedRecord } from '../core/record.ts';

/** What {@link Store.append} did. */
export interface Appended {
  /** Records that were new, chained, in order. Empty when all were there already. */
  readonly added: readonly ChainedRecord[];
  /** Sequence number of the session's last stored record, -1 when there is none. */
  readonly lastSeq: number;
}

/** Where records, transcripts and contracts are durable. One suite (test/suites/store.ts) holds for every store. */
export interface Store {
  /**
   * Appends a session's records, chained to those before, in one transaction that is on disk when the promise resolves.
   * Idempotent on (session, seq): a record that is there already is skipped when it is the same.
   *
   * @throws AegrailError AUDIT_FORK when another record has the same seq, or a seq would be left out.
   */
  append(sessionId: string, records: readonly AuditRecord[]): Promise<Appended>;

  /**
   * Marks an admitted call as started: true the first time, false when it was claimed before. So a call runs at most
   * once, whatever an operator does to the activity's options.
   */
  claim(sessionId: string, seq: number): Promise<boolean>;

  /** One record, or null. */
  record(sessionId: string, seq: number): Promise<ChainedRecord | null>;

  /** A session's records from `fromSeq`, in order, a page at a time: constant memory. */
  records(sessionId: string, fromSeq?: number): AsyncIterable<ChainedRecord>;

  /** Ids of the sessions that have records, newest first. */
  sessions(limit: number): Promise<readonly string[]>;

  /** Keeps bytes of a session under their SHA-256 (hex), which is returned. */
  putBlob(sessionId: string, bytes: Uint8Array): Promise<string>;

  /** A session's bytes by their SHA-256, or null. */
  getBlob(sessionId: string, sha256: string): Promise<Uint8Array | null>;

  /** Keeps a contract (its canonical JSON) under its SHA-256 (hex), which is returned. */
  putContract(canonicalJson: string): Promise<string>;

  /** A contract's canonical JSON by its SHA-256, or null. */
  getContract(sha256: string): Promise<string | null>;

  close(): Promise<void>;
}
