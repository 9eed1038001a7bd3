import type { FailureDetails } from '../src/calls.ts';

/** First wait between two tries; each next one doubles. */
const FIRST_MS = 500;
const LONGEST_MS = 60_000;

/**
 * How long to wait before the next try of a call, or null when there is none. What the provider asks for is heard;
 * otherwise exponential, with up to a quarter of jitter (Math.random is seeded in a workflow).
 */
export function backoffMs(failure: FailureDetails, attempt: number, maxAttempts: number): number | null {
  if (!failure.retryable || attempt >= maxAttempts) return null;
  const exponentialMs = Math.min(FIRST_MS * 2 ** (attempt - 1), LONGEST_MS);
  const waitMs = Math.max(failure.retryAfterMs ?? 0, exponentialMs);
  return Math.round(waitMs * (1 + Math.random() / 4));
}
