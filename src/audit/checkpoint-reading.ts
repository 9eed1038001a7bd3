import { canonicalJson } from '../core/canonical.ts';
import { AegrailError } from '../core/errors.ts';
import { type Checkpoint, checkpointHash, parseCheckpoint } from '../signing/checkpoint.ts';
import { type Note, parseNote } from '../signing/note.ts';

/** A checkpoint with its note. */
export interface SignedCheckpoint {
  readonly note: Note;
  readonly checkpoint: Checkpoint;
  /** What the next one calls `previous`. */
  readonly hash: string;
}

/** A checkpoint, or why it is none. */
export type CheckpointReading = SignedCheckpoint | { readonly why: string };

/** Reads a signed note. */
export function readNote(text: string): CheckpointReading {
  try {
    const note = parseNote(text);
    return { note, checkpoint: parseCheckpoint(note.text), hash: checkpointHash(note.text) };
  } catch (thrown) {
    if (thrown instanceof AegrailError) return { why: thrown.message };
    throw thrown;
  }
}

/** Reads a line of JSON with a note: those of bundles are canonical, those of sinks are written alike. */
export function readNoteLine(line: string): CheckpointReading {
  const note = noteIn(line);
  return note === null ? { why: 'it is not {"note":"..."} in canonical form (RFC 8785)' } : readNote(note);
}

function noteIn(line: string): string | null {
  try {
    const { note } = JSON.parse(line) as { readonly note?: unknown };
    // With another member, white space or a lone surrogate it is not the same again.
    return typeof note === 'string' && canonicalJson({ note }) === line ? note : null;
  } catch {
    return null;
  }
}
