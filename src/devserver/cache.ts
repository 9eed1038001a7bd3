import { chmod, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { sha256OfFile } from './sha256.ts';

/** Environment variables as Node gives them. */
export type Env = Readonly<Record<string, string | undefined>>;

/** What is written beside a binary after its bytes were checked, so that later uses need not hash it again. */
type Stamp = { readonly sha256: string; readonly size: number; readonly mtimeMs: number };

/**
 * The directory that all checkouts of one user share: AEGRAIL_CACHE_DIR, or `aegrail` in the system's place for caches
 * (XDG_CACHE_HOME or ~/.cache, ~/Library/Caches on macOS). The XDG rules say that a relative XDG_CACHE_HOME is to be ignored.
 */
export function cacheDirOf(env: Env, os: string, home: string = homedir()): string {
  if (env['AEGRAIL_CACHE_DIR']) return resolve(env['AEGRAIL_CACHE_DIR']);
  if (os === 'darwin') return join(home, 'Library', 'Caches', 'aegrail');
  const xdg = env['XDG_CACHE_HOME'];
  return join(xdg && isAbsolute(xdg) ? xdg : join(home, '.cache'), 'aegrail');
}

/** True when `path` is there and has the wanted sum. Hashes only where the stamp doesn't fit the file. */
export async function isVerified(path: string, sha256: string): Promise<boolean> {
  const info = await stat(path).catch(() => undefined);
  if (info === undefined || !info.isFile()) return false;
  const stamp = await readStamp(path);
  if (stamp?.sha256 === sha256 && stamp.size === info.size && stamp.mtimeMs === info.mtimeMs) return true;
  if ((await sha256OfFile(path)) !== sha256) return false;
  await writeStamp(path, sha256);
  return true;
}

/** Puts a file whose sum was checked into the cache, executable, in one step: a reader never sees half of it. */
export async function putIntoCache(from: string, to: string, sha256: string): Promise<void> {
  await chmod(from, 0o755);
  await rename(from, to);
  await writeStamp(to, sha256);
}

/** A fresh directory under the cache, on the same file system, so that a rename is enough to move something out. */
export async function freshDir(path: string): Promise<string> {
  await rm(path, { recursive: true, force: true });
  await mkdir(path, { recursive: true });
  return path;
}

async function readStamp(path: string): Promise<Stamp | undefined> {
  try {
    const stamp: unknown = JSON.parse(await readFile(stampPath(path), 'utf8'));
    return isStamp(stamp) ? stamp : undefined;
  } catch {
    return undefined; // no stamp or a broken one: the file is hashed again
  }
}

function isStamp(value: unknown): value is Stamp {
  if (typeof value !== 'object' || value === null) return false;
  if (!('sha256' in value && 'size' in value && 'mtimeMs' in value)) return false;
  return typeof value.sha256 === 'string' && typeof value.size === 'number' && typeof value.mtimeMs === 'number';
}

async function writeStamp(path: string, sha256: string): Promise<void> {
  const info = await stat(path);
  const stamp: Stamp = { sha256, size: info.size, mtimeMs: info.mtimeMs };
  const staged = `${stampPath(path)}.${String(process.pid)}`;
  await writeFile(staged, JSON.stringify(stamp));
  await rename(staged, stampPath(path));
}

function stampPath(path: string): string {
  return `${path}.stamp.json`;
}
