import { spawn } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Env } from './cache.ts';

/** How a command ended. `code` is null when it could not be started or was killed; `why` then says so. */
export type CommandEnd = { readonly code: number | null; readonly output: string; readonly why?: string };

/** A command to run. It is killed `stallMs` after the last byte that it wrote anywhere we look. */
export type Command = {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Env;
  readonly stallMs: number;
  /** A directory that the command downloads into; a file that grows there counts as a sign of life. */
  readonly watchDir?: string;
  /** Told about once a second, when the largest file under `watchDir` has grown. */
  readonly onBytes?: (bytes: number) => void;
};

const keptOutputChars = 4_000;

/** Runs a command to its end without a shell. Never throws: a command that can't be started is an end too. */
export async function runCommand(command: Command): Promise<CommandEnd> {
  const child = spawn(command.file, command.args, { env: command.env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let lastSign = Date.now();
  const keep = (chunk: Buffer): void => {
    lastSign = Date.now();
    output = (output + chunk.toString()).slice(-keptOutputChars);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);

  let stalled = false;
  let bytesBefore = 0;
  const watch = async (): Promise<void> => {
    const bytes = command.watchDir === undefined ? 0 : await largestFileIn(command.watchDir);
    if (bytes !== bytesBefore && child.exitCode === null) {
      bytesBefore = bytes;
      lastSign = Date.now();
      command.onBytes?.(bytes);
    }
    stalled = Date.now() - lastSign >= command.stallMs;
    if (stalled) child.kill('SIGKILL');
  };
  const timer = setInterval(() => void watch(), Math.min(1_000, command.stallMs));

  return new Promise((done) => {
    const end = (code: number | null, why: string | undefined): void => {
      clearInterval(timer);
      done(why === undefined ? { code, output } : { code, output, why });
    };
    child.on('error', (error: NodeJS.ErrnoException) => {
      end(null, error.code === 'ENOENT' ? `${command.file} is not on this machine` : error.message);
    });
    child.on('close', (code, signal) => {
      const seconds = String(Math.round(command.stallMs / 1000));
      if (code !== null) end(code, undefined);
      else end(code, stalled ? `nothing happened for ${seconds} s` : `ended by ${String(signal)}`);
    });
  });
}

/** Bytes of the largest file under a directory: the download, as tools keep copies and notes beside it. 0 when there is none. */
async function largestFileIn(dir: string): Promise<number> {
  const entries = await readdir(dir, { recursive: true }).catch(() => []);
  const sizes = entries.map(async (entry) => {
    const info = await stat(join(dir, entry)).catch(() => undefined); // it may vanish while we look
    return info?.isFile() === true ? info.size : 0;
  });
  return Math.max(0, ...(await Promise.all(sizes)));
}

/** The last line that says something, to quote in an error. */
export function lastLineOf(output: string): string {
  const lines = output.split('\n').map((line) => line.trim());
  return lines.findLast((line) => line !== '') ?? 'it said nothing';
}
