import { stat, realpath } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type OnBlock, type WrittenFile, writeLineFile } from '../audit/line-file.ts';
import { makeWhole } from '../audit/partial.ts';
import { AegrailError, messageOf } from '../core/errors.ts';
import type { Terminal } from './terminal.ts';

type Lines = AsyncIterable<string>;

/** Lines are written to stdout in blocks of about so many UTF-16 code units: each write is waited for. */
const BLOCK_UNITS = 64 * 1024;

/** Writes lines to stdout, as fast as they are read there. @throws StdoutClosed; what `stop` was aborted with */
export async function linesToStdout(
  lines: Lines,
  terminal: Terminal,
  onBlock: OnBlock,
  stop: AbortSignal,
): Promise<void> {
  let block: string[] = [];
  let units = 0;
  const flush = async (): Promise<void> => {
    if (block.length === 0) return;
    const text = block.join('\n');
    onBlock(Buffer.byteLength(text) + 1);
    block = [];
    units = 0;
    await terminal.line(text);
    // Writes to a file or a pipe are over at once, and a store on disk answers at once: Ctrl-C would never be heard.
    await nextTurn();
    stop.throwIfAborted();
  };
  for await (const line of lines) {
    block.push(line);
    units += line.length + 1;
    if (units >= BLOCK_UNITS) await flush();
  }
  await flush();
}

/**
 * Writes lines to a file, which is there when they are all written, and not before. What is no regular file, such as a
 * pipe, is written to as it is.
 *
 * @throws what `lines` throws; the file system's errors; what `stop` was aborted with
 */
export async function linesToFile(
  lines: Lines,
  path: string,
  onBlock: OnBlock,
  stop: AbortSignal,
): Promise<WrittenFile> {
  const there = await stat(path).catch(() => null);
  if (there !== null && !there.isFile()) return writeLineFile(path, lines, { flags: 'w', onBlock, stop });
  // A link keeps leading to its file.
  const place = there === null ? path : await realpath(path);
  return makeWhole(place, (partial) => writeLineFile(partial, lines, { flags: 'wx', onBlock, stop }));
}

/** Runs what writes to a path, and says of the file system's errors which path it was. @throws AegrailError CONFIG_INVALID */
export async function writingTo<T>(path: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (thrown) {
    if (!(thrown instanceof Error && 'syscall' in thrown)) throw thrown;
    throw new AegrailError('CONFIG_INVALID', `${path} can not be written: ${messageOf(thrown)}`, { cause: thrown });
  }
}
