import { type Chunks, LineFault, linesOf, splitBlocks } from './lines.ts';
import { type CheckpointReading, readNote, readNoteLine } from './checkpoint-reading.ts';
import { AegrailError } from '../core/errors.ts';

/** What an auditor kept of a checkpoint. */
export interface KeptCheckpoint {
  readonly origin: string;
  readonly number: number;
  readonly size: number;
  /** Hex. */
  readonly root: string;
  /** SHA-256, hex, of its text. */
  readonly hash: string;
  /** Where it was kept: file, and line from 1. */
  readonly file: string;
  readonly line: number;
}

/** Largest file with one note, in bytes. */
const MOST_NOTE_BYTES = 1_000_000;
const BRACE = 0x7b;

/**
 * Reads checkpoints that were kept where the log's owner can't write: one signed note as it is, or lines `{"note":"…"}` as
 * the file sink writes them.
 *
 * @param file its name in findings
 * @throws AegrailError CONFIG_INVALID with the line when it holds anything else, or nothing
 */
export async function readKeptCheckpoints(chunks: Chunks, file: string): Promise<KeptCheckpoint[]> {
  const texts: { text: string; line: number }[] = [];
  let isLines: boolean | null = null;
  let bytes = 0;
  const kept: KeptCheckpoint[] = [];
  for await (const part of splitBlocks(chunks)) {
    if (part instanceof LineFault) throw invalid(file, part.line, part.why);
    isLines ??= part.bytes[0] === BRACE;
    for (const { text, line } of linesOf(part)) {
      if (isLines) kept.push(keptOf(readNoteLine(text), file, line));
      else texts.push({ text, line });
    }
    bytes += part.bytes.length;
    if (!isLines && bytes > MOST_NOTE_BYTES) throw invalid(file, 1, 'too long for a signed note');
  }
  if (isLines === null) throw invalid(file, 1, 'it is empty');
  if (!isLines) kept.push(keptOf(readNote(texts.map(({ text }) => `${text}\n`).join('')), file, 1));
  return kept;
}

function keptOf(reading: CheckpointReading, file: string, line: number): KeptCheckpoint {
  if ('why' in reading) throw invalid(file, line, reading.why);
  const { origin, number, size, root } = reading.checkpoint;
  return { origin, number, size, root, hash: reading.hash, file, line };
}

function invalid(file: string, line: number, why: string): AegrailError {
  return new AegrailError('CONFIG_INVALID', `${file}:${line}: no checkpoint to compare with: ${why}`);
}
