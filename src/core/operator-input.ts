import { AegrailError } from './errors.ts';
import { isFilledLine, isPlainObject } from './values.ts';

/** Who does something to sessions from outside, and why. */
export interface OperatorInput {
  readonly by: string;
  readonly reason?: string;
}

/** The longest, in UTF-16 units: both stand in a record, and on the session's page in the Temporal UI. */
const MAX_BY = 256;
const MAX_REASON = 500;

/**
 * Checks who does something and why, whoever sent it.
 *
 * @param what what is done, for the message: `pause`, `resume` or `kill switch`
 * @throws AegrailError INPUT_INVALID with the field and what would be right
 */
export function parseOperator(value: unknown, what: string): OperatorInput {
  if (!isPlainObject(value)) throw invalid(what, 'it must be one JSON object with by and reason');
  const unknown = Object.keys(value).some((key) => key !== 'by' && key !== 'reason');
  if (unknown) throw invalid(what, 'it has a member that is not known; known are by and reason');
  const { by, reason } = value;
  if (!isFilledLine(by, MAX_BY))
    throw invalid(what, `by must say who does it, in one line of at most ${MAX_BY} characters`);
  if (reason === undefined) return { by };
  if (!isFilledLine(reason, MAX_REASON))
    throw invalid(what, `reason must be one line of at most ${MAX_REASON} characters, or be left out`);
  return { by, reason };
}

function invalid(what: string, why: string): AegrailError {
  return new AegrailError('INPUT_INVALID', `The ${what} is invalid: ${why}.`);
}
