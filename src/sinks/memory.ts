import type { ChainedRecord } from '../core/record.ts';
import type { Sink } from './sink.ts';

/** A sink that keeps every record in memory, for tests and trials: it grows for as long as it lives. */
export interface MemorySink extends Sink {
  /** All records so far, in the order they came. */
  readonly records: readonly ChainedRecord[];
}

/** Makes a {@link MemorySink}. */
export function memorySink(): MemorySink {
  const records: ChainedRecord[] = [];
  return {
    name: 'memory',
    records,
    write: async (batch) => {
      records.push(...batch);
    },
    close: async () => undefined,
  };
}
