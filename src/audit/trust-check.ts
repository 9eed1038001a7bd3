import type { KnownKey } from '../signing/key-history.ts';
import type { VerifierKey } from '../signing/key.ts';
import { BUNDLE_FILES } from './bundle-format.ts';
import type { TreeFound } from './tree-check.ts';
import { counted, type Findings, someOf } from './verdicts.ts';

/**
 * Whether the keys that signed are those that the auditor trusts. A log has one line of keys, each signed in by the one
 * before it and by itself: who trusts one of them trusts what it signed in, and what signed it in.
 *
 * @param given the auditor's keys; none: then nobody said whose keys the log's are
 */
export function judgeTrust(
  { keys, first, last, checkpoints }: TreeFound,
  given: readonly VerifierKey[],
  findings: Findings,
): void {
  const known = keys.keys();
  if (first !== null && last !== null) {
    const span = `number ${first.checkpoint.number} to ${last.checkpoint.number}, ${first.checkpoint.time} to ${last.checkpoint.time}`;
    findings.evidence('authenticity', `${counted(checkpoints, 'checkpoint')} (${span})`);
  }
  for (const key of known) findings.evidence('authenticity', periodOf(key));
  if (given.length === 0) {
    const told =
      known.length === 0
        ? ''
        : `: signatures are held against the log's own (${someOf(known.map(({ key }) => key.id))})`;
    findings.unchecked('authenticity', `no --key was given, so nobody says whose keys the log's are${told}`);
    return;
  }
  const trusted = known.filter(({ key }) => given.some(({ vkey }) => vkey === key.vkey));
  if (trusted.length > 0) {
    findings.evidence('authenticity', `trusted by --key: ${someOf(trusted.map(({ key }) => key.id))}`);
    return;
  }
  const told = known.length === 0 ? 'it has none' : `they are ${someOf(known.map(({ key }) => key.id))}`;
  const why = `no key that was given with --key is one of the log's: ${told}`;
  findings.found({ fault: 'unknown_key', why, file: BUNDLE_FILES.checkpoints, line: 1 });
}

function periodOf({ key, from, until, at, revoked }: KnownKey): string {
  const end = until === null ? ', active' : `, rotated away by entry ${until}`;
  const revocation = revoked === null ? '' : `, revoked by entry ${revoked.index} (${JSON.stringify(revoked.reason)})`;
  return `key ${key.id}: from entry ${from} (${at})${end}${revocation}`;
}
