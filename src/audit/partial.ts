import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/**
 * Makes a file or a folder under a temporary name beside its place, and moves it there when it is whole. When `make`
 * fails, or the process ends meanwhile, what was written is removed and the place is as it was.
 *
 * @param path a file is replaced, a folder must be empty or not there
 * @param make is given the temporary path, at which nothing is yet
 */
export async function makeWhole<T>(path: string, make: (partial: string) => Promise<T>): Promise<T> {
  const partial = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.partial`);
  const removeAtExit = (): void => rmSync(partial, { recursive: true, force: true });
  process.on('exit', removeAtExit);
  try {
    const made = await make(partial);
    await rename(partial, path);
    return made;
  } catch (thrown) {
    await rm(partial, { recursive: true, force: true });
    throw thrown;
  } finally {
    process.off('exit', removeAtExit);
  }
}
