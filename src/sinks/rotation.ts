import { readdir, rename, unlink } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';

/** `audit.20261123T022607.123Z.jsonl`: the UTC time of the last line in it, down to the millisecond. */
const STAMP = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)\.(\d{3})Z$/;

/**
 * Moves a file to the name under which it is kept. Names sort in the order in which the files were written, also when
 * the clock went back: a name is later than all that are there.
 *
 * @param lastLineMs when its last line was written, in milliseconds since 1970
 * @param keep how many files with such names may be there afterwards, or null for all: the oldest are deleted
 */
export async function rotate(path: string, lastLineMs: number, keep: number | null): Promise<void> {
  const folder = dirname(path);
  const extension = extname(path);
  const stem = basename(path, extension);
  const kept = (await readdir(folder))
    .flatMap((name) => stampOf(name, `${stem}.`, extension) ?? [])
    .sort((a, b) => a - b);
  const stampMs = Math.max(Math.floor(lastLineMs), (kept.at(-1) ?? 0) + 1);
  const nameOf = (ms: number): string => join(folder, `${stem}.${textOf(ms)}${extension}`);
  await rename(path, nameOf(stampMs));
  if (keep === null) return;
  for (const old of [...kept, stampMs].slice(0, -keep)) await unlink(nameOf(old));
}

/** The UTC day that a time is in. */
export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

function textOf(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:]/g, '');
}

/** The time in a rotated file's name, or null for any other name. */
function stampOf(name: string, prefix: string, extension: string): number | null {
  if (!name.startsWith(prefix) || !name.endsWith(extension)) return null;
  const parts = STAMP.exec(name.slice(prefix.length, name.length - extension.length));
  if (parts === null) return null;
  const ms = Date.parse(`${parts[1]}-${parts[2]}-${parts[3]}T${parts[4]}:${parts[5]}:${parts[6]}.${parts[7]}Z`);
  return Number.isNaN(ms) ? null : ms;
}
