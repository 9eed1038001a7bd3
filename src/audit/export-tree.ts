import { type Checkpoint, parseCheckpoint } from '../signing/checkpoint.ts';
import { parseNote } from '../signing/note.ts';
import type { TreeStore } from '../store/tree-store.ts';

/** A checkpoint of a store, and its signed note. */
export interface StoredCheckpoint {
  readonly checkpoint: Checkpoint;
  readonly note: string;
}

/** The last checkpoint of a store; null when nothing was signed. @throws AegrailError LOG_INVALID */
export async function lastCheckpoint(tree: TreeStore): Promise<StoredCheckpoint | null> {
  const last = await tree.lastCheckpoint();
  return last === null ? null : { checkpoint: read(last.note), note: last.note };
}

/**
 * Number of the last checkpoint that is not after a time, or of the first one of all. Times of checkpoints never go back,
 * so that a few are read and not all.
 *
 * @param time as records have it
 */
export async function checkpointBefore(tree: TreeStore, last: number, time: string): Promise<number> {
  let low = 0;
  let high = last;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((await timeOf(tree, middle)) <= time) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Signed notes from a number to another, which is among them. */
export async function* checkpointNotes(
  tree: TreeStore,
  from: number,
  last: number,
): AsyncGenerator<string, void, undefined> {
  if (from > last) return;
  let left = last - from + 1;
  for await (const note of tree.checkpoints(from)) {
    yield note;
    left -= 1;
    if (left === 0) return;
  }
}

/** The verifier keys that an entry names, which may be none. @param entry its canonical form */
export function keysOf(entry: string): readonly string[] {
  // In canonical form nothing but the entry's own kind can look like this: inside a string a quote is escaped.
  if (!entry.includes('"kind":"key_')) return [];
  const { key, from, to } = JSON.parse(entry) as {
    readonly key?: string;
    readonly from?: string;
    readonly to?: string;
  };
  return [key, from, to].filter((vkey) => vkey !== undefined);
}

async function timeOf(tree: TreeStore, number: number): Promise<string> {
  for await (const note of tree.checkpoints(number)) return read(note).time;
  throw new RangeError(`the store has no checkpoint ${number}`);
}

function read(note: string): Checkpoint {
  return parseCheckpoint(parseNote(note).text);
}
