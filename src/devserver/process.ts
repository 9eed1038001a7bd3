import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import { DevServerError } from './errors.ts';
import { guardAgainstOurEnd } from './watchdog.ts';

/** A server process that is running, or was. */
export type ServerProcess = {
  readonly pid: number;
  /** The exit code, or 128 + the number of the signal that ended it. Never rejects. */
  readonly exited: Promise<number>;
  /** undefined as long as it runs. */
  readonly exitCode: () => number | undefined;
  /** Its last lines on stderr. */
  readonly lastLines: () => string;
  /** Asks it to end, and ends it by force after `graceMs`. May be called often; all calls wait for the same end. */
  readonly stop: () => Promise<void>;
};

const graceMs = 5_000;
const keptChars = 4_000;

/**
 * Starts a server in a process group of its own: Ctrl-C in the terminal must reach us, but not the server, which a worker still
 * needs to drain. In return a watchdog ends it when we end.
 * @throws DevServerError `binary_unusable` when the file can't be started.
 */
export async function startProcess(binary: string, args: readonly string[]): Promise<ServerProcess> {
  const child = spawn(binary, args, { detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
  let lines = '';
  child.stderr.on('data', (chunk: Buffer) => {
    lines = (lines + chunk.toString()).slice(-keptChars);
  });
  let code: number | undefined;
  const exited = new Promise<number>((done) => {
    child.once('close', (exitCode, signal) => {
      code = exitCode ?? 128 + (signal === null ? 0 : constants.signals[signal]);
      done(code);
    });
  });
  const pid = await pidOf(child, binary);
  const callOff = guardAgainstOurEnd(pid);
  child.once('exit', callOff);
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopping ??= endOf(child, exited));
  return { pid, exited, exitCode: () => code, lastLines: () => lines.trim(), stop };
}

async function pidOf(child: ChildProcess, binary: string): Promise<number> {
  return new Promise((done, fail) => {
    child.once('error', (cause) => {
      const message = `${binary} can't be started: ${cause.message}. Give the path of the Temporal CLI`;
      fail(new DevServerError('binary_unusable', message, { cause }));
    });
    child.once('spawn', () => {
      if (child.pid !== undefined) done(child.pid);
    });
  });
}

async function endOf(child: ChildProcess, exited: Promise<number>): Promise<void> {
  child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), graceMs);
  await exited;
  clearTimeout(force);
}
