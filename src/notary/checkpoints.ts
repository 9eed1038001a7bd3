import { formatCheckpoint } from '../signing/checkpoint.ts';
import type { SigningKey } from '../signing/key.ts';
import { formatNote, signNote } from '../signing/note.ts';
import type { TreeStore } from '../store/tree-store.ts';
import type { Cosigners } from './cosigners.ts';
import type { Follower } from './follower.ts';
import { lastCheckpoint } from './last-checkpoint.ts';
import { isCheckpointDue, nextCheckpoint, type StoredCheckpoint } from './next-checkpoint.ts';

/**
 * What came of signing. `not_due`: the last checkpoint is younger than the cadence. `lost`: another notary stored the next
 * one first. `not_our_key`: the log's active key is another than the keyring's.
 */
export interface Signing {
  readonly outcome: 'signed' | 'not_due' | 'lost' | 'not_our_key';
  /** The checkpoint that was stored. */
  readonly note: string | null;
  /** Time of the last checkpoint; null when there is none. */
  readonly lastTime: string | null;
}

/** What checkpoints are made from. */
export interface CheckpointsOptions {
  readonly tree: TreeStore;
  readonly follower: Follower;
  readonly cosigners: Cosigners;
  readonly origin: string;
  readonly cadenceSeconds: number;
  /** The key that signs now, or why there is none. */
  readonly activeKey: () => Promise<SigningKey | string>;
  /** Told why there is no key, every time. */
  readonly withoutKey: (why: string) => void;
  /** Given each checkpoint that was stored. */
  readonly publish: (note: string) => void;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Signs a tree's checkpoints. */
export interface Checkpoints {
  last(): Promise<StoredCheckpoint | null>;
  /** Signs the next one. @param force also before it is due, and until it is ours that is stored */
  sign(force: boolean): Promise<Signing>;
}

/** How often somebody else may be first, one time after the other. */
const MAX_LOST = 100;

/** Its promises are not to overlap. */
export function createCheckpoints(options: CheckpointsOptions): Checkpoints {
  const { tree, follower, cosigners, origin, cadenceSeconds, activeKey, withoutKey, publish, now } = options;
  const last = (): Promise<StoredCheckpoint | null> => lastCheckpoint(tree, follower, origin);

  /** The next checkpoint and its note, with the signatures of those witnesses that gave one. */
  async function make(before: StoredCheckpoint | null, key: SigningKey) {
    const head = { origin, size: follower.size(), root: follower.root(), cadenceSeconds };
    const checkpoint = nextCheckpoint(before, head, now());
    const text = formatCheckpoint(checkpoint);
    const signature = signNote(text, key);
    const cosignatures = await cosigners.cosign(formatNote(text, [signature]), before?.size ?? 0);
    return { checkpoint, note: formatNote(text, [signature, ...cosignatures]) };
  }

  async function sign(force: boolean): Promise<Signing> {
    for (let lost = 1; ; lost++) {
      const before = await last();
      const lastTime = before?.time ?? null;
      if (!force && !isCheckpointDue(before, cadenceSeconds, now()))
        return { outcome: 'not_due', note: null, lastTime };
      const key = await activeKey();
      if (typeof key === 'string') {
        withoutKey(key);
        return { outcome: 'not_our_key', note: null, lastTime };
      }
      const { checkpoint, note } = await make(before, key);
      const { number, time } = checkpoint;
      if (await tree.addCheckpoint(number, note)) {
        publish(note);
        return { outcome: 'signed', note, lastTime: time };
      }
      if (!force || lost >= MAX_LOST) return { outcome: 'lost', note: null, lastTime: time };
    }
  }

  return { last, sign };
}
