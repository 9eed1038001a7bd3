import { createHash } from 'node:crypto';
import type { LogEntry } from '../core/entry.ts';
import { AegrailError } from '../core/errors.ts';
import { appendHash, emptyRange, leafHash, rootOfRange, type Sha256Bytes } from '../core/merkle.ts';
import { parseEntry } from '../signing/entry.ts';
import { BUNDLE_FILES } from './bundle-format.ts';
import { readableLines } from './line-reader.ts';
import type { Chunks } from './lines.ts';
import type { Findings } from './verdicts.ts';

/** A bundle's entries, read as far as is asked for, and the tree of them. */
export interface EntryReader {
  /** How many entries were read. */
  size(): number;
  /** Root of the tree of these, in hex. */
  root(): string;
  /** Reads until there are so many. @returns false when there are fewer */
  readTo(size: number): Promise<boolean>;
}

const sha256: Sha256Bytes = (data) => createHash('sha256').update(data).digest();

/**
 * @param onEntry told of each line after it was added to the tree; null for one that is no entry, which was found
 */
export function createEntryReader(
  chunks: Chunks,
  findings: Findings,
  onEntry: (entry: LogEntry | null, line: number) => void,
): EntryReader {
  const file = BUNDLE_FILES.entries;
  const lines = readableLines(chunks, file, findings);
  let range = emptyRange();

  function parsed(text: string, line: number): LogEntry | null {
    try {
      return parseEntry(text);
    } catch (thrown) {
      if (!(thrown instanceof AegrailError)) throw thrown;
      findings.found({ fault: 'bad_entry', why: thrown.message, file, line });
      return null;
    }
  }

  return {
    size: () => range.size,
    root: () => Buffer.from(rootOfRange(range, sha256)).toString('hex'),
    async readTo(size) {
      while (range.size < size) {
        const next = await lines.next();
        if (next.done) return false;
        const { bytes, from, end, text, line } = next.value;
        range = appendHash(range, leafHash(bytes.subarray(from, end), sha256), sha256);
        onEntry(parsed(text, line), line);
      }
      return true;
    },
  };
}
