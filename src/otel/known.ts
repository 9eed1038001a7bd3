import { type ChainedRecord, RECORD_VERSION } from '../core/record.ts';

/** Whether a record is of the version that this code knows. Of another one only the members of the chain are sure. */
export function isKnown({ v }: ChainedRecord): boolean {
  return (v as number) === RECORD_VERSION;
}
