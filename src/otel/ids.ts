import { createHash } from 'node:crypto';

/** The trace of a session: the first 16 bytes, in hex, of the SHA-256 of its id. */
export function traceIdOf(sessionId: string): string {
  return hex(sessionId).slice(0, 32);
}

/**
 * The span of what a session's record began: the first 8 bytes, in hex, of the SHA-256 of id, LF and sequence number. The
 * span of the session itself is that of its first record. So whoever has a record knows its span and the parent of it.
 */
export function spanIdOf(sessionId: string, seq: number): string {
  return hex(`${sessionId}\n${seq}`).slice(0, 16);
}

function hex(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
