import { messageOf } from '../core/errors.ts';

/** One error for several: says how it was, and the first one's own message. */
export function failureOf(errors: readonly unknown[], how: string): Error {
  return new AggregateError(errors, `${how}: ${messageOf(errors[0])}`);
}
