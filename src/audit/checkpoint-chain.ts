import type { Checkpoint } from '../signing/checkpoint.ts';
import { BUNDLE_FILES } from './bundle-format.ts';
import type { SignedCheckpoint } from './checkpoint-reading.ts';
import type { Findings } from './verdicts.ts';

/** Follows a log's checkpoints, one after the other. */
export interface CheckpointChain {
  take(signed: SignedCheckpoint, line: number): void;
}

/** A pause of more than so many cadences is told. A notary that is a little late is nothing. */
const LATE = 2;
/** So many pauses are told one by one. */
const MOST_TOLD = 5;

/**
 * Each checkpoint is of the same log, has the next number, the hash of the one before it, and neither its time nor its
 * size goes back. A pause in the cadence is no fault, for a worker may be down: it is evidence.
 */
export function createCheckpointChain(
  { origin, mayBeginLater }: { readonly origin: string; readonly mayBeginLater: boolean },
  findings: Findings,
): CheckpointChain {
  let last: SignedCheckpoint | null = null;
  let pauses = 0;
  const file = BUNDLE_FILES.checkpoints;

  function takeFirst({ number }: Checkpoint, line: number): void {
    if (number > 0 && !mayBeginLater) {
      const why = `number ${number} is the first, and those before it are missing: the bundle's query has no since`;
      findings.found({ fault: 'checkpoint_missing', why, file, line });
    }
  }

  function takeNext({ checkpoint }: SignedCheckpoint, before: SignedCheckpoint, line: number): void {
    const { number, size, time, previous } = checkpoint;
    const old = before.checkpoint;
    if (number > old.number + 1) {
      const why = `number ${number} comes after number ${old.number}: those between are missing`;
      findings.found({ fault: 'checkpoint_missing', why, file, line });
    } else if (number <= old.number) {
      const why = `number ${number} comes after number ${old.number}: it is there twice, or out of order`;
      findings.found({ fault: 'bad_checkpoint', why, file, line });
    } else if (previous !== before.hash) {
      const why = `previous is not the hash of number ${old.number}: one of them was replaced`;
      findings.found({ fault: 'previous_mismatch', why, file, line });
    }
    if (size < old.size) {
      const why = `it is over ${size} entries, and number ${old.number} over ${old.size}: the log was cut`;
      findings.found({ fault: 'rolled_back', why, file, line });
    }
    if (time < old.time)
      findings.found({ fault: 'bad_checkpoint', why: `its time is before that of number ${old.number}`, file, line });
    tellPause(old, checkpoint);
  }

  function tellPause(old: Checkpoint, { time }: Checkpoint): void {
    const cadences = (Date.parse(time) - Date.parse(old.time)) / 1000 / old.cadenceSeconds;
    if (cadences <= LATE) return;
    pauses += 1;
    if (pauses <= MOST_TOLD) {
      const times = `${cadences.toFixed(1)} x the cadence of ${old.cadenceSeconds} s`;
      findings.evidence('completeness', `no checkpoint between ${old.time} and ${time} (${times})`);
    } else if (pauses === MOST_TOLD + 1) {
      findings.evidence('completeness', 'more pauses between checkpoints follow');
    }
  }

  return {
    take(signed, line) {
      if (signed.checkpoint.origin !== origin) {
        const why = 'its origin is not that of the manifest: it is of another log';
        findings.found({ fault: 'bad_checkpoint', why, file, line });
      }
      if (last === null) takeFirst(signed.checkpoint, line);
      else takeNext(signed, last, line);
      last = signed;
    },
  };
}
