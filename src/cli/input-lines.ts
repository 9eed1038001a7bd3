import { isUtf8 } from 'node:buffer';

/** The longest request line: no input may fill the memory. */
export const MAX_REQUEST_BYTES = 16 * 1024 * 1024;

const NEWLINE = 0x0a;

/** A line of input, or why it is none. */
export type InputLine = { readonly text: string } | { readonly problem: string };

/**
 * The lines of a stream, in constant memory. Unlike a log's lines these are answered one by one: a bad one is told in
 * its place, and the last needs no newline.
 */
export async function* inputLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<InputLine, void, undefined> {
  let parts: Buffer[] = [];
  let bytes = 0;
  const keep = (part: Buffer): void => {
    bytes += part.length;
    // A line that is too long is not kept, only counted.
    if (bytes <= MAX_REQUEST_BYTES) parts.push(part);
    else parts = [];
  };
  const take = (): InputLine => {
    const line =
      bytes > MAX_REQUEST_BYTES
        ? { problem: `the line is longer than ${MAX_REQUEST_BYTES} bytes` }
        : read(Buffer.concat(parts));
    parts = [];
    bytes = 0;
    return line;
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      keep(chunk.subarray(from, end));
      yield take();
      from = end + 1;
    }
    if (from < chunk.length) keep(chunk.subarray(from));
  }
  if (bytes > 0) yield take();
}

function read(bytes: Buffer): InputLine {
  return isUtf8(bytes) ? { text: bytes.toString('utf8') } : { problem: 'the line is not UTF-8' };
}
