import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { AegrailError, messageOf } from '../core/errors.ts';
import type { Backoff } from './backoff.ts';
import { type BatchBounds, batchesOf } from './batches.ts';
import type { Delivery } from './delivery.ts';
import { LostRecords } from './failure.ts';
import type { Target } from './post.ts';
import type { SinkTrouble } from './sink.ts';
import { createSpool, type Place } from './spool.ts';
import { createSpoolLock } from './spool-lock.ts';
import { createSpoolPump } from './spool-pump.ts';

/** Where undelivered batches are kept, and how much of them. */
export interface SpoolPlace {
  readonly folder: string;
  /** What the files may take of the disk. What does not fit is refused: the oldest is kept. */
  readonly maxBytes: number;
}

/**
 * Every batch goes to disk first, and from there to the receiver, in order, for as long as that takes. What an earlier
 * process has left is delivered before anything else.
 *
 * @throws AegrailError CONFIG_INVALID when the folder can't be made
 */
export function spooledDelivery(
  target: Target,
  bounds: BatchBounds,
  backoff: Backoff,
  place: SpoolPlace,
  trouble: SinkTrouble,
): Delivery {
  makeFolder(place.folder);
  const spool = createSpool(place.folder, place.maxBytes, bounds);
  const lock = createSpoolLock(join(place.folder, 'lock'));
  const pump = createSpoolPump({ spool, lock, target, backoff, trouble });
  pump.wake();

  async function add(batches: readonly (readonly string[])[], placeOf: () => Place): Promise<void> {
    let left = batches.reduce((sum, { length }) => sum + length, 0);
    try {
      for (const batch of batches) {
        await spool.add(batch, placeOf());
        left -= batch.length;
      }
    } catch (error) {
      throw new LostRecords(left, messageOf(error), [error]);
    } finally {
      pump.wake();
    }
  }

  return {
    // Who holds the lock is the only one to read the files.
    deliver: (lines) => add(batchesOf(lines, bounds), () => (lock.isHeld() ? 'joined' : 'new')),
    deliverAlone: (line) => add([[line]], () => 'alone'),
    close: () => pump.close(),
  };
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new AegrailError('CONFIG_INVALID', `the spool can not be made: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
