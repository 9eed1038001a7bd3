import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import type { LineBytes } from '../core/chain.ts';
import { AegrailError } from '../core/errors.ts';
import type { FaultName } from '../core/faults.ts';

/** The longest line that is read: a record is a few hundred bytes, and no file may fill the memory. */
export const MAX_LINE_BYTES = 16 * 1024 * 1024;

const BLOCK_BYTES = 1024 * 1024;
const NEWLINE = 0x0a;

/** What is wrong with a file before its lines are looked into: LOG_INVALID, and the line where it is, from 1. */
export class LineFault extends AegrailError {
  readonly line: number;
  readonly fault: FaultName;
  readonly why: string;

  constructor(line: number, fault: FaultName, why: string) {
    super('LOG_INVALID', `line ${line}: ${why}`);
    this.line = line;
    this.fault = fault;
    this.why = why;
  }
}

/** A stretch of a file: whole lines that are UTF-8, each with its LF, and none too long. */
export interface LineBlock {
  readonly bytes: Buffer;
  /** Number of its first line in the file, from 1. */
  readonly firstLine: number;
}

/**
 * The lines of a file of JSON lines, without their newlines, in constant memory. Strict: bytes that are not UTF-8, a
 * last line without a newline and a line over {@link MAX_LINE_BYTES} end it. Carriage returns are left in.
 *
 * @throws LineFault for those; the file system's error when the file can't be read
 */
export function readLines(path: string): AsyncGenerator<string, void, undefined> {
  return splitLines(readChunks(path));
}

/** {@link readLines} of bytes from anywhere, in chunks of any size. */
export async function* splitLines(chunks: Chunks): AsyncGenerator<string, void, undefined> {
  for await (const part of splitBlocks(chunks)) {
    if (part instanceof LineFault) throw part;
    for (const { text } of linesOf(part)) yield text;
  }
}

/** The bytes of a file, as {@link splitBlocks} takes them. @throws the file system's error when it can't be read */
export function readChunks(path: string): AsyncIterable<Buffer> {
  return createReadStream(path, { highWaterMark: BLOCK_BYTES });
}

/** Bytes from anywhere, in chunks of any size. */
export type Chunks = AsyncIterable<Buffer> | Iterable<Buffer>;

/**
 * The lines of a file in blocks, in constant memory. In the place of a line that is too long, that is not UTF-8 or that
 * has no newline comes a fault; the lines after it follow.
 */
export async function* splitBlocks(chunks: Chunks): AsyncGenerator<LineBlock | LineFault, void, undefined> {
  let line = 1;
  let rest: Buffer[] = [];
  let restBytes = 0;
  // Within a line that was found too long: what is left of it is not kept.
  let isSkipping = false;
  for await (const chunk of chunks) {
    const from = isSkipping ? chunk.indexOf(NEWLINE) + 1 : 0;
    if (isSkipping && from === 0) continue;
    if (isSkipping) line += 1;
    isSkipping = false;
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    if (end > from) {
      const bytes = Buffer.concat([...rest, chunk.subarray(from, end)]);
      for (const part of partsOf(bytes, line)) {
        yield part;
        line = part instanceof LineFault ? part.line + 1 : part.firstLine + newlinesIn(part.bytes);
      }
      rest = [];
      restBytes = 0;
    }
    const tail = chunk.subarray(Math.max(from, end));
    rest.push(tail);
    restBytes += tail.length;
    if (restBytes > MAX_LINE_BYTES) {
      yield tooLong(line);
      rest = [];
      restBytes = 0;
      isSkipping = true;
    }
  }
  if (restBytes > 0) {
    const why = 'no newline at its end: the file was cut off, or is being written';
    yield new LineFault(line, 'no_newline', why);
  }
}

/** The lines of a block, in order. */
export function* linesOf({ bytes, firstLine }: LineBlock): Generator<LineBytes & { readonly line: number }> {
  let line = firstLine;
  for (let from = 0; from < bytes.length;) {
    const end = bytes.indexOf(NEWLINE, from);
    // Decoded one by one: a slice of a decoded block is several times slower to look into.
    yield { line, text: bytes.toString('utf8', from, end), bytes, from, end };
    line += 1;
    from = end + 1;
  }
}

/** Whole lines as one block, or, where something is wrong with one of them, each by itself. */
function* partsOf(bytes: Buffer, firstLine: number): Generator<LineBlock | LineFault> {
  if (bytes.length <= MAX_LINE_BYTES && isUtf8(bytes)) return yield { bytes, firstLine };
  let line = firstLine;
  for (let from = 0; from < bytes.length;) {
    const end = bytes.indexOf(NEWLINE, from);
    if (end - from > MAX_LINE_BYTES) yield tooLong(line);
    else if (!isUtf8(bytes.subarray(from, end))) yield new LineFault(line, 'not_utf8', 'bytes that are not UTF-8');
    else yield { bytes: bytes.subarray(from, end + 1), firstLine: line };
    line += 1;
    from = end + 1;
  }
}

function newlinesIn(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) count += 1;
  return count;
}

function tooLong(line: number): LineFault {
  return new LineFault(line, 'too_long', `longer than ${MAX_LINE_BYTES / 1024 / 1024} MB`);
}
