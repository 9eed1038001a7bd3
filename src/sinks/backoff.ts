/** How long to wait before trying again, in milliseconds. */
export interface Backoff {
  /** After the first failure. It doubles with each that follows. */
  readonly firstMs: number;
  readonly maxMs: number;
}

/** Longest that a receiver's own word is heeded: one that says tomorrow would make a sink useless by mistake. */
const MAX_RETRY_AFTER_MS = 300_000;

/**
 * The wait after so many failures in a row, from 1: between half of the full wait and all of it, so that senders which
 * failed together do not come back together. A receiver's `retry-after` makes it longer, up to five minutes.
 *
 * @param random from 0 to 1
 */
export function waitMs(failures: number, backoff: Backoff, retryAfterMs: number | null, random: number): number {
  const fullMs = Math.min(backoff.maxMs, backoff.firstMs * 2 ** Math.min(failures - 1, 30));
  return Math.max(fullMs * (0.5 + random / 2), Math.min(retryAfterMs ?? 0, MAX_RETRY_AFTER_MS));
}

/** What a `retry-after` header asks for, seconds or a date (RFC 9110), or null when there is none that makes sense. */
export function retryAfterMs(header: string | null, nowMs: number): number | null {
  if (header === null) return null;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * 1000;
  const atMs = Date.parse(header);
  return Number.isNaN(atMs) ? null : Math.max(0, atMs - nowMs);
}
