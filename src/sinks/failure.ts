import { messageOf } from '../core/errors.ts';

/** A write of which some records are lost, and others are not. */
export class LostRecords extends AggregateError {
  readonly records: number;

  constructor(records: number, message: string, causes: readonly unknown[] = []) {
    super(causes, message);
    this.name = 'LostRecords';
    this.records = records;
  }
}

/** One error for several: says how it was, and the first one's own message. */
export function failureOf(errors: readonly unknown[], how: string): Error {
  return new AggregateError(errors, `${how}: ${messageOf(errors[0])}`);
}
