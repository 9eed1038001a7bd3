import { ApplicationFailure } from '@temporalio/activity';
import type { ErrorCode } from '../src/core/errors.ts';
import type { FailureDetails } from '../src/calls.ts';

/** Longest message, in UTF-16 units: providers and tools put whole pages into theirs. */
const MAX_MESSAGE = 2_000;

/** Facts of a failure beside its code; what is left out is the careful default. */
export type FailureFacts = Partial<Omit<FailureDetails, 'code'>>;

/**
 * What an activity throws: an ApplicationFailure that Temporal never retries, with all that the guard needs to settle
 * the call. `type` is ours and stable, `code` says what happened.
 */
export function callFailure(
  type: ErrorCode,
  code: string,
  message: string,
  facts: FailureFacts = {},
): ApplicationFailure {
  const details: FailureDetails = {
    code,
    started: 'maybe',
    retryable: false,
    retryAfterMs: null,
    status: null,
    // The interceptor stores before the code runs: what fails later has its records in the store.
    stored: true,
    told: null,
    ...facts,
  };
  return ApplicationFailure.create({
    message: message.slice(0, MAX_MESSAGE).toWellFormed(),
    type,
    nonRetryable: true,
    details: [details],
  });
}
