/** The most that goes into one request. A single line that is larger goes alone. */
export interface BatchBounds {
  readonly maxRecords: number;
  readonly maxBytes: number;
}

/** Bytes of lines as a JSON array: two brackets, and a comma after each line but the last. */
export function bytesOf(lines: readonly string[]): number {
  return lines.reduce((bytes, line) => bytes + Buffer.byteLength(line) + 1, 1);
}

/** Cuts lines into batches, in order. */
export function batchesOf(lines: readonly string[], { maxRecords, maxBytes }: BatchBounds): readonly string[][] {
  const batches: string[][] = [];
  let batch: string[] = [];
  let bytes = 0;
  for (const line of lines) {
    const lineBytes = bytesOf([line]);
    if (batch.length > 0 && (batch.length >= maxRecords || bytes + lineBytes > maxBytes)) {
      batches.push(batch);
      batch = [];
      bytes = 0;
    }
    batch.push(line);
    bytes += lineBytes;
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}
