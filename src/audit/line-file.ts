import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';

/** Lines are gathered in one block of memory, so that there are few system calls and little garbage. */
const BLOCK_BYTES = 256 * 1024;
/** The most that a UTF-16 code unit takes in UTF-8. */
const MOST_BYTES_OF_UNIT = 3;
const NEWLINE = 0x0a;

/** Told of the bytes of each block that was written. */
export type OnBlock = (bytes: number) => void;

/** How lines are written to a file. */
export interface LineWriting {
  /** As in open(2): `wx` for a file that must not be there. */
  readonly flags: 'w' | 'wx';
  readonly onBlock: OnBlock;
  /** Aborted to give up: the next block throws what it was aborted with. */
  readonly stop: AbortSignal;
}

/** What a file has become. */
export interface WrittenFile {
  readonly lines: number;
  readonly bytes: number;
  /** Hex. */
  readonly sha256: string;
}

/**
 * Writes lines to a file, each with an LF, hashes them meanwhile, and waits until they are on disk. A failure leaves
 * the file as far as it came.
 *
 * @throws what `lines` throws; the file system's error; what `stop` was aborted with
 */
export async function writeLineFile(
  path: string,
  lines: AsyncIterable<string>,
  { flags, onBlock, stop }: LineWriting,
): Promise<WrittenFile> {
  const hash = createHash('sha256');
  const written = { lines: 0, bytes: 0 };
  const block = Buffer.allocUnsafe(BLOCK_BYTES);
  let filled = 0;
  const handle = await open(path, flags);
  const put = async (bytes: Buffer): Promise<void> => {
    stop.throwIfAborted();
    hash.update(bytes);
    // Of a handle, it writes on from where the last one ended.
    await handle.writeFile(bytes);
    written.bytes += bytes.length;
    onBlock(bytes.length);
  };
  const flush = async (): Promise<void> => {
    await put(block.subarray(0, filled));
    filled = 0;
  };
  try {
    for await (const line of lines) {
      const mostBytes = line.length * MOST_BYTES_OF_UNIT + 1;
      if (mostBytes > BLOCK_BYTES - filled) await flush();
      if (mostBytes > BLOCK_BYTES) await put(Buffer.from(`${line}\n`));
      else {
        filled += block.write(line, filled);
        block[filled++] = NEWLINE;
      }
      written.lines += 1;
    }
    await flush();
    // A pipe or a terminal has no disk to wait for.
    if ((await handle.stat()).isFile()) await handle.sync();
  } finally {
    await handle.close();
  }
  return { ...written, sha256: hash.digest('hex') };
}
