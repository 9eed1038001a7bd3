import { constants } from 'node:fs';
import { lstat, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CONTRACTS_FOLDER } from './bundle-format.ts';
import type { Chunks } from './lines.ts';

/** Something that lies in a bundle's folder. */
export interface Listed {
  /** Relative to the bundle, with slashes. */
  readonly name: string;
  /** `other`: a symbolic link, a folder that a bundle has not, a pipe. Never read. */
  readonly kind: 'file' | 'other';
  /** Of a file. */
  readonly bytes: number;
}

/** Where a bundle's bytes are. */
export interface BundleSource {
  list(): Promise<readonly Listed[]>;
  /** The bytes of a listed file. */
  read(name: string): Chunks;
}

const BLOCK_BYTES = 1024 * 1024;

/**
 * A folder on disk. Nothing outside of it is read: links are not followed, and only names that a bundle has are opened.
 *
 * @throws the file system's error when it is no folder, or can't be read
 */
export function folderSource(root: string): BundleSource {
  return {
    list: () => list(root, ''),
    read: (name) => read(join(root, name)),
  };
}

async function list(root: string, below: string): Promise<readonly Listed[]> {
  const found: Listed[] = [];
  for (const entry of await readdir(join(root, below), { withFileTypes: true })) {
    const name = `${below}${entry.name}`;
    if (entry.isDirectory() && name === CONTRACTS_FOLDER) found.push(...(await list(root, `${name}/`)));
    else if (!entry.isFile()) found.push({ name, kind: 'other', bytes: 0 });
    else found.push({ name, kind: 'file', bytes: (await lstat(join(root, name))).size });
  }
  return found;
}

async function* read(path: string): AsyncGenerator<Buffer, void, undefined> {
  // A link that was put there since it was listed is not followed, and a pipe does not hold anybody up.
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    yield* handle.createReadStream({ highWaterMark: BLOCK_BYTES, autoClose: false }) as AsyncIterable<Buffer>;
  } finally {
    await handle.close();
  }
}
