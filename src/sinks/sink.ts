import type { ChainedRecord } from '../core/record.ts';

/**
 * Where records are fanned out to after they are stored. Best effort: a sink that throws, hangs or is slow never stops
 * or delays an agent. One suite (test/suites/sink.ts) holds for every sink.
 */
export interface Sink {
  /** For messages: `file .aegrail/audit.jsonl`. */
  readonly name: string;
  /** @throws LostRecords when it is known how many of them are lost; any other error means all */
  write(records: readonly ChainedRecord[]): Promise<void>;
  /**
   * The next checkpoint of the store, a signed note, after the records that were given before it. Absent where there is no
   * place for it. A rejection means that it is lost.
   */
  writeCheckpoint?(note: string): Promise<void>;
  /** Writes what is held back, and lets go of files and connections. */
  close(): Promise<void>;
  /** Lets go of what is open (a file may have been moved away), and opens it anew. Absent where there is nothing to. */
  reopen?(): Promise<void>;
  /** For a sink that goes on between writes: who is told of what goes wrong there. Until then nobody is. */
  listen?(trouble: SinkTrouble): void;
}

/** Told of so many records that are lost (none, when they are only late), and why. */
export type SinkTrouble = (lostRecords: number, error: unknown) => void;
