import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a file that was not there, and has the disk keep it before it returns.
 *
 * @param mode permissions, such as 0o600
 * @throws Error EEXIST when there is one
 */
export function createDurably(path: string, text: string, mode: number): void {
  writeWith('wx', path, text, mode);
  syncFolder(dirname(path));
}

/** Puts a text in a file's place, wholly or not at all, and has the disk keep it before it returns. One writer at a time. */
export function replaceDurably(path: string, text: string, mode: number): void {
  const next = `${path}.next`;
  writeWith('w', next, text, mode);
  renameSync(next, path);
  syncFolder(dirname(path));
}

function writeWith(flags: 'w' | 'wx', path: string, text: string, mode: number): void {
  const bytes = Buffer.from(text, 'utf8');
  const file = openSync(path, flags, mode);
  try {
    for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** A name is in its folder for good only when the folder was synced. Windows can't, and does it by itself. */
function syncFolder(dir: string): void {
  if (process.platform === 'win32') return;
  const folder = openSync(dir, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
