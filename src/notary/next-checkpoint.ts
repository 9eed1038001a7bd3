import { type Checkpoint, NO_PREVIOUS } from '../signing/checkpoint.ts';

/** A checkpoint that is stored, and the hash of its text. */
export interface StoredCheckpoint extends Checkpoint {
  readonly hash: string;
}

/** What is to be signed: who signs, and a tree. */
export interface TreeHead {
  readonly origin: string;
  readonly size: number;
  /** Hex. */
  readonly root: string;
  readonly cadenceSeconds: number;
}

/**
 * The checkpoint after the last one. Its time is never before that one's, whatever a clock says.
 *
 * @param nowMs milliseconds since the epoch
 */
export function nextCheckpoint(last: StoredCheckpoint | null, head: TreeHead, nowMs: number): Checkpoint {
  const now = new Date(nowMs).toISOString();
  return {
    ...head,
    number: last ? last.number + 1 : 0,
    time: last && last.time > now ? last.time : now,
    previous: last?.hash ?? NO_PREVIOUS,
  };
}

/**
 * Whether the next checkpoint is to be signed now. A last one from further ahead than a cadence is another machine's clock
 * that was wrong: waiting for that time would leave out checkpoints.
 */
export function isCheckpointDue(last: Checkpoint | null, cadenceSeconds: number, nowMs: number): boolean {
  if (!last) return true;
  const ageMs = nowMs - Date.parse(last.time);
  return ageMs >= cadenceSeconds * 1000 || ageMs <= -cadenceSeconds * 1000;
}

/** How long until the next checkpoint is due, in milliseconds: from 0 to a cadence. */
export function waitMs(lastTime: string | null, cadenceSeconds: number, nowMs: number): number {
  const cadenceMs = cadenceSeconds * 1000;
  if (lastTime === null) return cadenceMs;
  return Math.min(cadenceMs, Math.max(0, Date.parse(lastTime) + cadenceMs - nowMs));
}
