import pc from 'picocolors';
import type { Env } from '../config/environment.ts';

type Colors = ReturnType<typeof pc.createColors>;

/** The reader of stdout went away, as `head` does: nothing is wrong, and nothing more is to be said. */
export class StdoutClosed extends Error {}

/** What a command says and to whom: stdout is only for what was asked for, everything else goes to stderr. */
export interface Terminal {
  readonly env: Env;
  readonly cwd: string;
  /** Writes a line to stdout, and resolves when it is written. @throws StdoutClosed */
  line(text: string): Promise<void>;
  /** Writes a line to stderr, above the live line. */
  say(text: string): void;
  /** Shows a line on stderr that the next one replaces; nothing where stderr is no terminal. */
  live(text: string): void;
  /** Takes the live line away. */
  endLive(): void;
  /** Colours for stdout, and for stderr: none for NO_COLOR, and where it is no terminal. */
  readonly colors: Colors;
  readonly errColors: Colors;
  readonly isLive: boolean;
}

/** Where a terminal writes: `process`, or streams of who runs a command line in a process of its own making. */
export interface Streams {
  readonly stdout: Writing;
  readonly stderr: Writing;
}
type Writing = NodeJS.WritableStream & { readonly isTTY?: boolean | undefined; readonly columns?: number | undefined };

/** A terminal on streams. @param env what a command takes for its environment */
export function terminalOn({ stdout, stderr }: Streams, env: Env, cwd: string): Terminal {
  // Each write is told of its own failure. Without a listener the stream's would end the process with a stack.
  stdout.on('error', () => undefined);
  stderr.on('error', () => undefined);
  const wantsColor = !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  const isLive = stderr.isTTY === true && env['TERM'] !== 'dumb';
  let shown = '';
  const clear = (): void => {
    if (shown !== '') stderr.write('\r\u{1b}[K');
    shown = '';
  };
  return {
    env,
    cwd,
    isLive,
    colors: pc.createColors(wantsColor && stdout.isTTY === true),
    errColors: pc.createColors(wantsColor && stderr.isTTY === true),
    line: (text) => {
      clear();
      return new Promise((done, fail) => {
        stdout.write(`${text}\n`, (error?: Error | null) => (error ? fail(stdoutError(error)) : done()));
      });
    },
    say(text) {
      clear();
      stderr.write(`${text}\n`);
    },
    live(text) {
      if (!isLive || text === shown) return;
      // A line that wraps could not be taken back.
      const fitting = text.slice(0, Math.max(20, stderr.columns ?? 0) - 1);
      stderr.write(`\r\u{1b}[K${fitting}`);
      shown = text;
    },
    endLive: clear,
  };
}

function stdoutError(error: Error & { readonly code?: string }): Error {
  return error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED' ? new StdoutClosed() : error;
}
