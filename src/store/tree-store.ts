/** A session's log as a store's index has it. */
export interface SessionRow {
  readonly sessionId: string;
  readonly agentIdentity: string;
  readonly invokingUser: string;
  /** `ts` of its first record. */
  readonly started: string;
  readonly lastSeq: number;
  readonly lastHash: string;
  /** `ts` of its last record. */
  readonly lastTs: string;
  /** Whether its last record ends it. */
  readonly ended: boolean;
  /** Sequence number of its last record that an entry of the tree commits to; -1 before the first. */
  readonly sealedSeq: number;
}

/** Which sessions. What is left out does not select. */
export interface SessionQuery {
  readonly sessionId?: string;
  /** With `sessionId`: that session, and all below it. Their ids begin with its id and a `.`. */
  readonly below?: true;
  /** `name` or `name/version`. */
  readonly agent?: string;
  readonly user?: string;
  /** Times as records have them (`2026-01-31T12:00:00.000Z`): sessions with a record at or after it. */
  readonly since?: string;
  /** Sessions that started before it. */
  readonly until?: string;
  /** Only those whose last record does not end them. */
  readonly open?: true;
  readonly order?: 'newest' | 'oldest';
  readonly limit?: number;
}

/** That a session's log is committed to up to a record. */
export interface Sealed {
  readonly sessionId: string;
  readonly seq: number;
  /** `ts` of that record. */
  readonly ts: string;
}

/** The log of logs: entries (leaves of a Merkle tree) and signed checkpoints. Append-only, and safe with several writers. */
export interface TreeStore {
  /** How many entries there are. */
  size(): Promise<number>;
  /** Entries (their canonical JSON) from an index, up to and without another; a page at a time: constant memory. */
  entries(from: number, to?: number): AsyncIterable<string>;
  /**
   * Appends entries, and notes how far sessions are sealed, in one transaction, when the tree still has `size` entries.
   *
   * @returns false, and nothing is written, when it has another size
   */
  append(size: number, entries: readonly string[], sealed: readonly Sealed[]): Promise<boolean>;
  /**
   * Sessions with records that no entry commits to and that are due: ended, or with 256 or more records since the last
   * entry, or whose last entry (or start, when there is none) is of `before` or earlier.
   *
   * @param before a time as records have it; `null`: every session with a record that is not sealed
   */
  due(before: string | null, limit: number): Promise<readonly SessionRow[]>;
  /** The last checkpoint: its number and signed note, or null. */
  lastCheckpoint(): Promise<{ readonly number: number; readonly note: string } | null>;
  /** Signed notes from a number on, in order. */
  checkpoints(from?: number): AsyncIterable<string>;
  /** Keeps a checkpoint. @returns false when there is one of that number, or not one of the number before it */
  addCheckpoint(number: number, note: string): Promise<boolean>;
}
