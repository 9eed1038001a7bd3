import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { inject, onTestFinished } from 'vitest';
import { run } from '../../src/cli/run.ts';
import { terminalOn } from '../../src/cli/terminal.ts';
import { quietRuntime } from '../harness/quiet.ts';

/** The program itself. */
export const BIN = fileURLToPath(new URL('../../src/cli/bin.mjs', import.meta.url));

/** How a command ended. */
export interface End {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Where and with what a command runs. */
export interface Surroundings {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A process's environment, with the shared server as Temporal's, and nothing of the machine's settings. */
export function cleanEnv(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  const { PATH = '', HOME = '' } = process.env;
  return { PATH, HOME, TEMPORAL_ADDRESS: inject('address'), AEGRAIL_TEMPORAL_CLI: inject('temporalBinary'), ...extra };
}

/**
 * Runs a command line of `aegrail` to its end, in this process: all but main.ts, which takes it from the process. A process of its
 * own costs a third of a second of a core. Commands that set up Temporal's native side, to work or to replay, need one.
 */
export async function aegrail(args: readonly string[], { cwd = process.cwd(), env }: Surroundings = {}): Promise<End> {
  // Once in a process: a command that would do so itself fails here always, and not by the order of the tests.
  quietRuntime();
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const told = Promise.all([text(stdout), text(stderr)]);
  const code = await run(args, terminalOn({ stdout, stderr }, cleanEnv(env), cwd));
  stdout.end();
  stderr.end();
  const [out, err] = await told;
  return { code, out, err };
}

/** Runs `aegrail` to its end, as a process. @param input what it reads on stdin */
export async function aegrailProcess(
  args: readonly string[],
  { cwd, env, input }: Surroundings & { readonly input?: string | Buffer } = {},
): Promise<End> {
  const child = start([BIN, ...args], { cwd, env: cleanEnv(env), stdio: 'pipe' });
  // A command that ends before it has read everything is no error of the test's.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(input);
  const [out, err, code] = await Promise.all([read(child.stdout), read(child.stderr), ended(child)]);
  return { code, out, err };
}

/** A command that runs on. */
export interface Running {
  readonly child: ChildProcess;
  /** The first line on stdout that fits. Rejects with stderr when the command ends before. */
  lineOf(pattern: RegExp): Promise<string>;
  readonly end: Promise<End>;
}

/** Starts `aegrail`, and ends it by force with the test. @param stdin `pipe`: the test writes what it reads */
export function runAegrail(
  args: readonly string[],
  { cwd, env }: Surroundings = {},
  stdin: 'ignore' | 'pipe' = 'ignore',
): Running {
  const child = start([BIN, ...args], { cwd, env: cleanEnv(env), stdio: [stdin, 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  if (!child.stdout) throw new TypeError('no stdout');
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    for (const wake of waiting) wake();
  });
  const err = read(child.stderr);
  const end = Promise.all([err, ended(child)]).then(([err, code]) => ({ code, out: lines.join('\n'), err }));
  const lineOf = (pattern: RegExp): Promise<string> =>
    new Promise((done, fail) => {
      const look = (): void => {
        const found = lines.find((line) => pattern.test(line));
        if (found !== undefined) done(found);
      };
      waiting.add(look);
      look();
      void end.then(({ err }) => fail(new Error(`no line ${String(pattern)}: ${err}`)));
    });
  return { child, lineOf, end };
}

/** A folder with files that goes away with the test. */
export function folder(files: Readonly<Record<string, string>> = {}): string {
  const dir = mkdtempSync(join(tmpdir(), 'aegrail-cli-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(dir, name), content);
  return dir;
}

/** JSON lines, each of which must parse. */
export function jsonLines(out: string): unknown[] {
  return out === ''
    ? []
    : out
        .replace(/\n$/, '')
        .split('\n')
        .map((line) => JSON.parse(line) as unknown);
}

function start(args: readonly string[], options: SpawnOptions): ChildProcess {
  return spawn(process.execPath, args, options);
}

function ended(child: ChildProcess): Promise<number> {
  return new Promise((done) => child.on('close', (code, signal) => done(code ?? (signal === null ? -1 : -2))));
}

async function read(stream: NodeJS.ReadableStream | null): Promise<string> {
  return stream === null ? '' : text(stream);
}
