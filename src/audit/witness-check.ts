import { cosignedAt } from '../signing/cosignature.ts';
import type { VerifierKey } from '../signing/key.ts';
import { signaturesOf } from '../signing/note.ts';
import { BUNDLE_FILES } from './bundle-format.ts';
import type { SignedCheckpoint } from './checkpoint-reading.ts';
import type { Findings } from './verdicts.ts';

/** Looks for the cosignatures of witnesses that the auditor trusts. */
export interface WitnessCheck {
  /** Takes the next checkpoint. */
  take(signed: SignedCheckpoint): void;
  /** Judges the last one. */
  end(): void;
}

/** Each witness must have cosigned the last checkpoint: that one holds all others. How many of those it has is told. */
export function createWitnessCheck(witnesses: readonly VerifierKey[], findings: Findings): WitnessCheck {
  const cosigned = witnesses.map((key) => ({ key, count: 0 }));
  let checkpoints = 0;
  let last: SignedCheckpoint | null = null;
  return {
    take(signed) {
      checkpoints += 1;
      last = signed;
      for (const witness of cosigned) if (timeOf(signed, witness.key) !== null) witness.count += 1;
    },
    end() {
      for (const { key, count } of cosigned) {
        findings.evidence('authenticity', `witness ${key.id} cosigned ${count} of ${checkpoints} checkpoints`);
        const isThere = last !== null && signaturesOf(last.note, key).length > 0;
        const time = last === null ? null : timeOf(last, key);
        const where = { file: BUNDLE_FILES.checkpoints, line: checkpoints };
        if (time !== null)
          findings.evidence(
            'authenticity',
            `witness ${key.id} saw the last one at ${new Date(time * 1000).toISOString()}`,
          );
        else if (isThere)
          findings.found({
            fault: 'bad_cosignature',
            why: `the cosignature of ${key.id} is not one of this text`,
            ...where,
          });
        else
          findings.found({ fault: 'no_cosignature', why: `${key.id} has not cosigned the last checkpoint`, ...where });
      }
    },
  };
}

/** When a witness cosigned, in unix seconds; null unless each line under its name is good. */
function timeOf({ note }: SignedCheckpoint, key: VerifierKey): number | null {
  const times = signaturesOf(note, key).map((signature) => cosignedAt(note.text, signature, key));
  return times.includes(null) ? null : (times.at(-1) ?? null);
}
