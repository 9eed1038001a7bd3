import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DefaultLogger } from '@temporalio/worker';
import { bundleWorkflows } from '../../src/bundle/bundle.ts';

/** A worker in a process of its own. */
export interface OwnProcess {
  /** Resident memory in MB: now, and the most that it ever was. Linux only. */
  memoryMb(): Promise<{ readonly now: number; readonly most: number }>;
  stop(): Promise<void>;
}

/**
 * Of V8, in MB. Temporal's SDK keeps as many sessions at hand as this has room for, some 200; left out, V8 takes 4 GB on a machine that
 * has them, and 2,300 sessions are kept.
 */
const HEAP_MB = 512;

/** Starts a worker for the contract file in a folder, and waits until it polls. */
export async function startWorkerProcess(
  folder: string,
  config: string,
  address: string,
  env: Readonly<Record<string, string>>,
): Promise<OwnProcess> {
  const file = fileURLToPath(new URL('worker-process.ts', import.meta.url));
  const bundlePath = join(folder, 'bundle.js');
  await writeFile(bundlePath, (await bundleWorkflows({ logger: new DefaultLogger('ERROR') })).code);
  const child = spawn(
    process.execPath,
    [`--max-old-space-size=${HEAP_MB}`, file, folder, config, address, bundlePath],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { PATH: process.env['PATH'], HOME: folder, ...env },
    },
  );
  const exited = once(child, 'exit');
  const ended = exited.then(([code]) => Promise.reject(new Error(`the worker ended with ${String(code)}`)));
  ended.catch(() => {});
  await Promise.race([once(child.stdout, 'data'), ended]);
  return {
    async memoryMb() {
      const status = await readFile(`/proc/${String(child.pid)}/status`, 'utf8');
      const mb = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1_000;
      return { now: mb('VmRSS'), most: mb('VmHWM') };
    },
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}
