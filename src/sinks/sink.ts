import type { ChainedRecord } from '../core/record.ts';

/**
 * Where records are fanned out to after they are stored. Best effort: a sink that throws, hangs or is slow never stops
 * or delays an agent. One suite (test/suites/sink.ts) holds for every sink.
 */
export interface Sink {
  /** For messages: `file .aegrail/audit.jsonl`. */
  readonly name: string;
  write(records: readonly ChainedRecord[]): Promise<void>;
  /** Writes what is held back, and lets go of files and connections. */
  close(): Promise<void>;
}
