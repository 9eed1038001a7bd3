import { ApplicationFailure } from '@temporalio/workflow';
import { messageOf } from '../src/core/errors.ts';

/**
 * Reads the one argument of an update or a signal, whoever sent it. In a validator anything that is thrown refuses; only our
 * own words are told.
 *
 * @throws ApplicationFailure INPUT_INVALID
 */
export function onlyArgument<T>(args: readonly unknown[], parse: (value: unknown) => T): T {
  try {
    return parse(args.length === 1 ? args[0] : undefined);
  } catch (thrown) {
    throw ApplicationFailure.nonRetryable(messageOf(thrown), 'INPUT_INVALID');
  }
}
