import type { ToolFailure, ToolOutcome } from '../../src/tools/failure.ts';

/** The text of a call that must have come to something. */
export function textOf(outcome: ToolOutcome): string {
  if (outcome.ok) return outcome.result.text;
  throw new Error(`${outcome.failure.code}: ${outcome.failure.message}`);
}

/** The failure of a call that must have come to nothing. */
export function failureOf(outcome: ToolOutcome): ToolFailure {
  if (!outcome.ok) return outcome.failure;
  throw new Error(`it answered: ${outcome.result.text.slice(0, 200)}`);
}
