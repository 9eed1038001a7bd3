import type { SessionResult } from '../protocol.ts';
import { EXIT } from './exit-codes.ts';

/** The exit code of a session that was followed to its end. */
export function exitCodeOfEnd({ outcome }: SessionResult): number {
  return outcome === 'answered' ? EXIT.done : EXIT.bad;
}

/** How a session ended that did not answer. */
export function endLine({ outcome, reason, why }: SessionResult): string {
  const head = outcome === 'killed' ? `killed by reason=${reason ?? 'unknown'}` : outcome;
  return why === null ? head : `${head}: ${why}`;
}
