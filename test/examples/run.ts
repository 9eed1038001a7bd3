import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';
import { COMPILE_CACHE } from '../harness/compile-cache.ts';

/** What a program came to. */
export interface Ran {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that runs. */
export interface Running {
  readonly pid: number;
  /** Resolves as soon as its stdout has the text; rejects when it ends without. */
  readonly shows: (text: string) => Promise<void>;
  readonly kill: (signal: NodeJS.Signals) => void;
  readonly ended: Promise<Ran>;
}

/** Variables that would make an example use a real model. */
const KEYS = ['OPENAI_API_KEY', 'OPENAI_BASE_URL', 'ANTHROPIC_API_KEY', 'ANTHROPIC_BASE_URL', 'AEGRAIL_DEMO_MODEL'];

/** Starts a program of examples/ as a user does, with no key unless `env` gives one. */
export function startExample(file: string, args: readonly string[] = [], env: Record<string, string> = {}): Running {
  const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !KEYS.includes(name)));
  const script = fileURLToPath(new URL(`../../examples/${file}`, import.meta.url));
  const child = spawn(process.execPath, [script, ...args], {
    env: {
      ...clean,
      NO_COLOR: '1',
      ...COMPILE_CACHE,
      TEMPORAL_ADDRESS: inject('address'),
      AEGRAIL_TEMPORAL_CLI: inject('temporalBinary'),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise<Ran>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode) => resolve({ exitCode, stdout, stderr }));
  });
  const shows = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (stdout.includes(text)) resolve();
      };
      child.stdout.on('data', look);
      child.once('close', () => reject(new Error(`it ended without "${text}":\n${stdout}${stderr}`)));
      look();
    });
  return { pid: child.pid ?? -1, shows, kill: (signal) => void child.kill(signal), ended };
}

/** Runs a program to its end. */
export function runExample(file: string, args?: readonly string[], env?: Record<string, string>): Promise<Ran> {
  return startExample(file, args, env).ended;
}
