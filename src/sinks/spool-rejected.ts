import { readdir, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** What the files are called that a receiver has refused for good: `<name>.rejected.jsonl`, which no spool delivers. */
const REJECTED = '.rejected.jsonl';

/**
 * Moves a spool's file out of the way of what is delivered, and keeps it.
 *
 * @returns its new name, or null when the files that were set aside before leave no room: it is as it was then
 */
export async function setAside(folder: string, name: string, maxDiskBytes: number): Promise<string | null> {
  const before = (await readdir(folder)).filter((other) => other.endsWith(REJECTED));
  let bytes = 0;
  for (const other of [...before, name]) bytes += (await stat(join(folder, other))).size;
  if (bytes > maxDiskBytes) return null;
  const kept = name.replace(/\.jsonl$/, REJECTED);
  await rename(join(folder, name), join(folder, kept));
  return kept;
}
