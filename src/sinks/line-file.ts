import { type FileHandle, mkdir, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf } from '../core/errors.ts';
import { syncFolder, writeAll } from './append.ts';
import { dayOf, rotate } from './rotation.ts';
import { LostRecords } from './failure.ts';
import type { SinkTrouble } from './sink.ts';

/** How a file sink keeps its files. Without any of it: one file, which grows. */
export interface FileOptions {
  /** A line that would make the file larger than this goes into a new one. */
  readonly maxBytes?: number;
  /** A line of another UTC day than the last one goes into a new file. */
  readonly daily?: boolean;
  /** How many rotated files are kept beside the one that is written. All, when left out. */
  readonly keep?: number;
  /** `batch`: on disk before a write ends. `never` (the default) leaves that to the system: the store is what is durable. */
  readonly fsync?: 'never' | 'batch';
}

interface Opened {
  readonly file: FileHandle;
  readonly ino: number;
  readonly dev: number;
}

const NEWLINE = 0x0a;

/** A file of lines. Its methods must be called one after the other. */
export interface LineFile {
  /** Appends lines, each with its newline. @throws LostRecords */
  write(lines: readonly Buffer[]): Promise<void>;
  /** Lets go of the file, and opens what is at its path now, making it when nothing is. Nothing, when it is not open. */
  reopen(): Promise<void>;
  close(): Promise<void>;
}

/**
 * A file that lines are appended to. It and its folder are made with the first line, and again when they were moved away:
 * that is looked at before every batch. One process writes a file.
 *
 * @param trouble told of what goes wrong without a line being lost
 */
export function createLineFile(path: string, options: FileOptions, trouble: SinkTrouble): LineFile {
  const { maxBytes = Infinity, daily = false, keep = null, fsync = 'never' } = options;
  let opened: Opened | null = null;

  async function write(lines: readonly Buffer[]): Promise<void> {
    let written = 0;
    try {
      while (written < lines.length) {
        const end = await endOfFile(lines, written);
        await append(lines.slice(written, end));
        written = end;
      }
    } catch (error) {
      throw new LostRecords(lines.length - written, messageOf(error), [error]);
    }
  }

  /** Up to which line they go into one file, from a first one on, after room for that was made. */
  async function endOfFile(lines: readonly Buffer[], from: number): Promise<number> {
    let bytes = await makeRoom(lines[from]?.length ?? 0);
    let end = from;
    while (end < lines.length) {
      const lineBytes = lines[end]?.length ?? 0;
      if (end > from && bytes + lineBytes > maxBytes) break;
      bytes += lineBytes;
      end += 1;
    }
    return end;
  }

  /** Makes the open file one that a line of so many bytes may go into, and says how large that file is. */
  async function makeRoom(lineBytes: number): Promise<number> {
    const found = await stat(path).catch(ifMissing);
    if (opened !== null && (found?.ino !== opened.ino || found.dev !== opened.dev)) await letGo();
    if (found?.isFile() && found.size > 0) {
      const isFull = found.size + lineBytes > maxBytes;
      if (isFull || (daily && dayOf(found.mtimeMs) !== dayOf(Date.now()))) {
        await letGo();
        // A folder that lets nothing be renamed or deleted is no reason to lose lines.
        await rotate(path, found.mtimeMs, keep).catch((error: unknown) => trouble(0, error));
      }
    }
    opened ??= await openForAppend(path, fsync);
    return maxBytes === Infinity ? 0 : (await opened.file.stat()).size;
  }

  async function append(lines: readonly Buffer[]): Promise<void> {
    if (opened === null || lines.length === 0) return;
    try {
      await writeAll(opened.file, Buffer.concat(lines));
      if (fsync === 'batch') await opened.file.datasync();
    } catch (error) {
      // It may have half a line now. Opening it again looks at that.
      await letGo().catch(() => undefined);
      throw error;
    }
  }

  async function letGo(): Promise<void> {
    const file = opened?.file;
    opened = null;
    await file?.close();
  }

  return {
    write,
    reopen: async () => {
      if (opened === null) return;
      await letGo();
      opened = await openForAppend(path, fsync);
    },
    close: letGo,
  };
}

async function openForAppend(path: string, fsync: FileOptions['fsync']): Promise<Opened> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, 'a+');
  try {
    const { ino, dev, size } = await endLine(file);
    if (size === 0 && fsync === 'batch') await syncFolder(dirname(path));
    return { file, ino, dev };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Ends a line that a crash or a full disk has cut off: it is lost, the next one must not be lost with it. */
async function endLine(file: FileHandle): Promise<{ ino: number; dev: number; size: number }> {
  const found = await file.stat();
  if (!found.isFile() || found.size === 0) return found;
  const last = Buffer.alloc(1);
  await file.read(last, 0, 1, found.size - 1);
  if (last[0] !== NEWLINE) await writeAll(file, Buffer.from([NEWLINE]));
  return found;
}

function ifMissing(error: NodeJS.ErrnoException): null {
  // ENOTDIR: the folder is a file now. Making it again fails with words of its own.
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
  throw error;
}
