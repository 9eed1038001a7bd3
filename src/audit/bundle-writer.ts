import { createHash } from 'node:crypto';
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { BundleFile } from './bundle-format.ts';
import { type OnBlock, writeLineFile } from './line-file.ts';

/** Writes the files of a folder, each once, and remembers what they are. */
export interface BundleWriter {
  /** Writes lines. @returns how many there were */
  lines(name: string, lines: AsyncIterable<string>): Promise<number>;
  /** Writes a small file as it is. */
  bytes(name: string, content: string): Promise<void>;
  /** Makes a folder for more files. */
  folder(name: string): Promise<void>;
  /** The files that were written so far. */
  files(): readonly BundleFile[];
}

/**
 * @param root the folder, which is there
 * @param stop aborted to give up: the file that is being written throws what it was aborted with
 */
export function createBundleWriter(root: string, onBlock: OnBlock, stop: AbortSignal): BundleWriter {
  const files: BundleFile[] = [];
  return {
    async lines(name, lines) {
      const { lines: count, ...file } = await writeLineFile(join(root, name), lines, {
        flags: 'wx',
        onBlock,
        stop,
      });
      files.push({ name, ...file });
      return count;
    },
    async bytes(name, content) {
      stop.throwIfAborted();
      const bytes = Buffer.from(content);
      const handle = await open(join(root, name), 'wx');
      try {
        await handle.writeFile(bytes);
        await handle.sync();
      } finally {
        await handle.close();
      }
      files.push({ name, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') });
    },
    async folder(name) {
      await mkdir(join(root, name));
    },
    files: () => files,
  };
}
