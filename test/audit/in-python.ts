import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** The second verifier. */
export const EXAMPLE = join(import.meta.dirname, '../../examples/verify_in_python');

/** The Python that runs it. */
export const python = findPython();

const run = promisify(execFile);

/** What was told, a line each, and how it ended. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
}

/** Runs Python, whatever it ends with. */
export async function runPython(args: readonly string[]): Promise<Ran> {
  return run(python, ['-B', ...args], { maxBuffer: 64 * 1024 * 1024 }).then(
    ({ stdout }) => ({ code: 0, stdout }),
    (failed: Ran & { stderr: string }) => {
      if (failed.stderr !== '') throw new Error(failed.stderr);
      return { code: failed.code, stdout: failed.stdout };
    },
  );
}

/** Verifies logs or bundles in one Python process. */
export async function verifyInPython(
  targets: readonly string[],
  ...options: string[]
): Promise<{ code: number; told: unknown[] }> {
  const { code, stdout } = await runPython([join(EXAMPLE, 'verify.py'), '--json', ...options, ...targets]);
  const lines = stdout.trimEnd().split('\n');
  return { code, told: lines.map((line) => JSON.parse(line) as unknown) };
}

/** @throws when there is no Python of at least 3.9 on the PATH */
function findPython(): string {
  const isFit = 'import sys; sys.exit(sys.version_info < (3, 9))';
  const found = ['python3', 'python'].find((name) => spawnSync(name, ['-c', isFit]).status === 0);
  if (found) return found;
  throw new Error(
    'The second verifier is in Python: this test needs python3 (3.9 or newer) on the PATH, and there is none.',
  );
}
