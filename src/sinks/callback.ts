import type { ChainedRecord } from '../core/record.ts';
import { failureOf } from './failure.ts';
import type { Sink } from './sink.ts';

/**
 * Calls a function with every record, one after the other: a promise it returns is waited for. One that throws misses no
 * record after it. Checkpoints (signed notes) go to a function of their own, where there is one.
 */
export function callbackSink(
  onRecord: (record: ChainedRecord) => void | Promise<void>,
  onCheckpoint?: (note: string) => void | Promise<void>,
): Sink {
  return {
    name: onRecord.name === '' ? 'callback' : `callback ${onRecord.name}`,
    write: async (records) => {
      const errors: unknown[] = [];
      for (const record of records) {
        try {
          await onRecord(record);
        } catch (error) {
          errors.push(error);
        }
      }
      if (errors.length > 0) throw failureOf(errors, `failed for ${errors.length} of ${records.length} records`);
    },
    ...(onCheckpoint && { writeCheckpoint: async (note: string) => onCheckpoint(note) }),
    close: async () => undefined,
  };
}
