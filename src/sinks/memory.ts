import type { ChainedRecord } from '../core/record.ts';
import type { Sink } from './sink.ts';

/** A sink that keeps everything in memory, for tests and trials: it grows for as long as it lives. */
export interface MemorySink extends Sink {
  /** All records so far, in the order they came. */
  readonly records: readonly ChainedRecord[];
  /** All checkpoints so far: signed notes. */
  readonly checkpoints: readonly string[];
}

/** Makes a {@link MemorySink}. */
export function memorySink(): MemorySink {
  const records: ChainedRecord[] = [];
  const checkpoints: string[] = [];
  return {
    name: 'memory',
    records,
    checkpoints,
    write: async (batch) => {
      records.push(...batch);
    },
    writeCheckpoint: async (note) => {
      checkpoints.push(note);
    },
    close: async () => undefined,
  };
}
