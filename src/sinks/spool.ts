import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAll } from './append.ts';
import { type BatchBounds, bytesOf } from './batches.ts';
import { createTurns } from './in-turn.ts';
import { setAside } from './spool-rejected.ts';

/** One file of a spool: the lines of one request. */
interface SpoolFile {
  readonly name: string;
  diskBytes: number;
  /** Of a file that lines may still be added to: it was made here, and has not been tried. Null otherwise. */
  open: { records: number; bytes: number } | null;
}

/**
 * Where lines go. `joined`: into the last file, if they fit; nobody else may be reading it. `new`: into a file that later
 * ones may join. `alone`: into one that none joins.
 */
export type Place = 'joined' | 'new' | 'alone';

/** Lines on disk, in files that are delivered one after the other. */
export interface Spool {
  /**
   * Keeps lines. Syncs them to disk.
   *
   * @throws when there is no room, or the disk does not take them
   */
  add(lines: readonly string[], place: Place): Promise<void>;
  /** The oldest file's name and lines, or null when there is none. It stays as it is from now on. */
  first(): Promise<{ readonly name: string; readonly lines: readonly string[] } | null>;
  /** Forgets a file, and deletes it. */
  remove(name: string): Promise<void>;
  /**
   * Forgets a file that the receiver refuses, and keeps it on disk under another name.
   *
   * @returns that name, or null when there is no room for more of these: it is deleted then
   */
  setAside(name: string): Promise<string | null>;
  /** How many files wait, as far as is known. */
  waiting(): number;
}

/** `<milliseconds, 15 digits>-<of whom>.jsonl`: names sort in the order in which files were made. */
const NAME = /^(\d{15})-[0-9a-f]{8}\.jsonl$/;
const UNFINISHED = '.tmp';
const UNFINISHED_FOR_MS = 60_000;
/** What even a small file takes of a disk. */
const BLOCK_BYTES = 4096;

/** Opens a spool, which may have files of before, and may be shared with other processes. */
export function createSpool(folder: string, maxDiskBytes: number, bounds: BatchBounds): Spool {
  const owner = randomUUID().slice(0, 8);
  /** Removed here, whether or not the disk let them be deleted. */
  const gone = new Set<string>();
  let files: SpoolFile[] = [];
  let lastStampMs = 0;
  let isLoaded = false;
  // A file that is added to must not be read at the same time: it would be delivered, and deleted, with half of it.
  const inTurn = createTurns();

  /** Looks at what is there: files of before, and those that others made and removed. */
  async function refresh(): Promise<void> {
    const known = new Map(files.map((file) => [file.name, file]));
    const found: SpoolFile[] = [];
    for (const name of ((await readdir(folder).catch(ifMissing)) ?? []).sort()) {
      if (name.endsWith(UNFINISHED)) await removeUnfinished(join(folder, name));
      const stampMs = NAME.exec(name)?.[1];
      if (stampMs === undefined || gone.has(name)) continue;
      lastStampMs = Math.max(lastStampMs, Number(stampMs));
      const size = known.has(name) ? 0 : await sizeOf(join(folder, name));
      if (size !== null) found.push(known.get(name) ?? { name, diskBytes: onDisk(size), open: null });
    }
    files = found;
    isLoaded = true;
  }

  async function checkRoom(bytes: number): Promise<void> {
    if (files.reduce((sum, { diskBytes }) => sum + diskBytes, onDisk(bytes)) > maxDiskBytes)
      throw new Error(`the spool ${folder} is full: ${files.length} batches wait in it`);
  }

  async function add(lines: readonly string[], place: Place): Promise<void> {
    const text = Buffer.from(lines.map((line) => `${line}\n`).join(''));
    const bytes = bytesOf(lines);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    if (!isLoaded || place !== 'joined') await refresh();
    await checkRoom(text.length);
    const last = files.at(-1);
    const joined = { records: (last?.open?.records ?? 0) + lines.length, bytes: (last?.open?.bytes ?? 0) + bytes };
    const isFull = joined.records > bounds.maxRecords || joined.bytes > bounds.maxBytes;
    if (place !== 'joined' || !last?.open || isFull) {
      const open = place === 'alone' ? null : { records: lines.length, bytes };
      files.push({ name: await create(text), diskBytes: onDisk(text.length), open });
      return;
    }
    // If this fails half-way, the file is delivered as far as it goes.
    last.open = null;
    last.diskBytes += text.length;
    await writeSynced(join(folder, last.name), 'a', text);
    last.open = joined;
  }

  async function create(text: Buffer): Promise<string> {
    lastStampMs = Math.max(Date.now(), lastStampMs + 1);
    const name = `${String(lastStampMs).padStart(15, '0')}-${owner}.jsonl`;
    const unfinished = join(folder, `${name}${UNFINISHED}`);
    // Whole or not at all: who delivers may be another process.
    await writeSynced(unfinished, 'wx', text);
    await rename(unfinished, join(folder, name));
    return name;
  }

  async function first(): ReturnType<Spool['first']> {
    if (files.length === 0) await refresh();
    for (let file = files[0]; file !== undefined; file = files[0]) {
      file.open = null;
      const text = await readFile(join(folder, file.name), 'utf8').catch(ifMissing);
      // What follows the last newline was cut off by a crash: it was never taken in.
      if (text !== null) return { name: file.name, lines: text.split('\n').slice(0, -1) };
      files.shift();
    }
    return null;
  }

  async function remove(name: string): Promise<void> {
    files = files.filter((file) => file.name !== name);
    gone.add(name);
    await unlink(join(folder, name)).catch(ifMissing);
    gone.delete(name);
  }

  async function putAside(name: string): Promise<string | null> {
    const kept = await setAside(folder, name, maxDiskBytes);
    await remove(name);
    return kept;
  }

  return {
    add: (lines, place) => inTurn(() => add(lines, place)),
    first: () => inTurn(first),
    remove: (name) => inTurn(() => remove(name)),
    setAside: (name) => inTurn(() => putAside(name)),
    waiting: () => files.length,
  };
}

async function writeSynced(path: string, flags: 'a' | 'wx', bytes: Buffer): Promise<void> {
  const file = await open(path, flags, 0o600);
  try {
    await writeAll(file, bytes);
    await file.datasync();
  } finally {
    await file.close();
  }
}

async function sizeOf(path: string): Promise<number | null> {
  return (await stat(path).catch(ifMissing))?.size ?? null;
}

async function removeUnfinished(path: string): Promise<void> {
  const found = await stat(path).catch(ifMissing);
  if (found !== null && Date.now() - found.mtimeMs > UNFINISHED_FOR_MS) await unlink(path).catch(ifMissing);
}

function onDisk(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;
}

function ifMissing(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}
