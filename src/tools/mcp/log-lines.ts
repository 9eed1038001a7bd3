import type { Stream } from 'node:stream';

/** Longest line of a server's stderr that is logged, in bytes; the rest of it is dropped. */
export const MAX_LINE_BYTES = 2_000;

/** Reads a stream to its end, line by line. It always reads on: a server that writes into a full pipe would stop. */
export function forEachLine(stream: Stream, onLine: (line: string) => void): void {
  let kept: Buffer[] = [];
  let keptBytes = 0;
  const take = (part: Buffer): void => {
    const fits = part.subarray(0, MAX_LINE_BYTES - keptBytes);
    if (fits.length === 0) return;
    kept.push(fits);
    keptBytes += fits.length;
  };
  const flush = (): void => {
    const line = Buffer.concat(kept).toString('utf8').trimEnd();
    kept = [];
    keptBytes = 0;
    if (line !== '') onLine(line);
  };
  stream.on('data', (chunk: Buffer) => {
    let from = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, from)) {
      take(chunk.subarray(from, end));
      flush();
      from = end + 1;
    }
    take(chunk.subarray(from));
  });
  stream.on('end', flush);
  // A broken pipe ends the line reading, and nothing else: the transport hears of it by itself.
  stream.on('error', flush);
}
