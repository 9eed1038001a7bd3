import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { lineOf } from '../core/chain.ts';
import type { Sink } from './sink.ts';

/**
 * Appends records to a file as JSON lines, each the line of the chain. The file and its folder are made with the first
 * record. Not synced to disk: the store is what is durable.
 */
export function fileSink(path: string): Sink {
  let opened: Promise<FileHandle> | undefined;
  // Writes of one sink follow each other, so that lines of two calls can't mix.
  let last: Promise<unknown> = Promise.resolve();

  async function append(bytes: Buffer): Promise<void> {
    opened ??= openForAppend(path);
    let file: FileHandle;
    try {
      file = await opened;
    } catch (error) {
      // The folder may be there, or writable, the next time.
      opened = undefined;
      throw error;
    }
    for (let written = 0; written < bytes.length;) {
      written += (await file.write(bytes, written)).bytesWritten;
    }
  }

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = last.then(work);
    last = done.catch(() => undefined);
    return done;
  }

  return {
    name: `file ${path}`,
    write: (records) => inTurn(() => append(Buffer.from(records.map((record) => `${lineOf(record)}\n`).join('')))),
    close: () =>
      inTurn(async () => {
        const file = await opened?.catch(() => undefined);
        opened = undefined;
        await file?.close();
      }),
  };
}

async function openForAppend(path: string): Promise<FileHandle> {
  await mkdir(dirname(path), { recursive: true });
  return await open(path, 'a');
}
