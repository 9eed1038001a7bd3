import { AegrailError } from '../core/errors.ts';
import { checkpointHash, parseCheckpoint } from '../signing/checkpoint.ts';
import { parseNote } from '../signing/note.ts';
import type { TreeStore } from '../store/tree-store.ts';
import type { Follower } from './follower.ts';
import type { StoredCheckpoint } from './next-checkpoint.ts';

/**
 * The store's last checkpoint, when the tree is still the one that it was signed for: whoever signs the next one signs a
 * continuation, and nothing else.
 *
 * @returns null when there is none yet
 * @throws AegrailError LOG_INVALID when it is none of this log, not signed by the key of its place, or the entries that it
 *   was signed for were changed
 */
export async function lastCheckpoint(
  tree: TreeStore,
  follower: Follower,
  origin: string,
): Promise<StoredCheckpoint | null> {
  const last = await tree.lastCheckpoint();
  if (!last) return null;
  const note = parseNote(last.note);
  const checkpoint = parseCheckpoint(note.text);
  const { number, size, root } = checkpoint;
  if (number !== last.number) throw invalid(last.number, `it calls itself number ${number}`);
  if (checkpoint.origin !== origin)
    throw invalid(number, `it is of the log ${checkpoint.origin}, and signing.origin is ${origin}`);
  // Another worker may have appended, and signed, since.
  if (size > follower.size()) await follower.catchUp();
  if (size > follower.size()) throw invalid(number, `it has ${size} entries, and the store ${follower.size()}`);
  if ((await follower.rootAt(size)) !== root) throw invalid(number, 'the entries that it was signed for were changed');
  const fault = follower.history.checkNote(note, size);
  if (fault) throw invalid(number, `${fault.fault}: ${fault.why}`);
  return { ...checkpoint, hash: checkpointHash(note.text) };
}

function invalid(number: number, why: string): AegrailError {
  return new AegrailError('LOG_INVALID', `checkpoint ${number} of the store: ${why}. None is signed after it`);
}
