import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
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

/**
 * The lines of a file of JSON lines, without their newlines, in constant memory. Strict: bytes that are not UTF-8, a
 * last line without a newline and a line over {@link MAX_LINE_BYTES} end it. Carriage returns are left in.
 *
 * @throws LineFault for those; the file system's error when the file can't be read
 */
export function readLines(path: string): AsyncGenerator<string, void, undefined> {
  return splitLines(createReadStream(path, { highWaterMark: BLOCK_BYTES }));
}

/** {@link readLines} of bytes from anywhere, in chunks of any size. */
export async function* splitLines(
  chunks: AsyncIterable<Buffer> | Iterable<Buffer>,
): AsyncGenerator<string, void, undefined> {
  let number = 0;
  let rest: Buffer[] = [];
  let restBytes = 0;
  for await (const chunk of chunks) {
    const lastNewline = chunk.lastIndexOf(NEWLINE);
    if (lastNewline < 0) {
      rest.push(chunk);
      restBytes += chunk.length;
    } else {
      const block = Buffer.concat([...rest, chunk.subarray(0, lastNewline + 1)]);
      const isClean = isUtf8(block);
      for (let from = 0; from < block.length;) {
        number += 1;
        const end = block.indexOf(NEWLINE, from);
        if (end - from > MAX_LINE_BYTES) throw tooLong(number);
        // Decoded one by one: a slice of a decoded block is several times slower to look into.
        if (!isClean && !isUtf8(block.subarray(from, end)))
          throw new LineFault(number, 'not_utf8', 'bytes that are not UTF-8');
        yield block.toString('utf8', from, end);
        from = end + 1;
      }
      const tail = chunk.subarray(lastNewline + 1);
      rest = [tail];
      restBytes = tail.length;
    }
    if (restBytes > MAX_LINE_BYTES) throw tooLong(number + 1);
  }
  if (restBytes > 0) {
    const why = 'no newline at its end: the file was cut off, or is being written';
    throw new LineFault(number + 1, 'no_newline', why);
  }
}

function tooLong(line: number): LineFault {
  return new LineFault(line, 'too_long', `longer than ${MAX_LINE_BYTES / 1024 / 1024} MB`);
}
