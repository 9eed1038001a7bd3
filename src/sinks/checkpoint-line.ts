/** A checkpoint as one line of JSON: what a file, standard output and a webhook are given of it. */
export function checkpointLine(note: string): string {
  return JSON.stringify({ note });
}

/** Whether a line is one of a checkpoint. The members of a record are sorted, and its first one is another. */
export function isCheckpointLine(line: string): boolean {
  return line.startsWith('{"note":');
}
