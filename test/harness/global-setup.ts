import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DefaultLogger } from '@temporalio/worker';
import type { TestProject } from 'vitest/node';
import { bundleWorkflows } from '../../src/bundle/bundle.ts';
import { findBinary } from '../../src/devserver/binaries.ts';
import { startDevServer } from '../../src/devserver/server.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Address of the one dev server that all test files share. */
    address: string;
    uiUrl: string;
    /** Path of the session's workflow bundle, made once. */
    bundlePath: string;
    temporalBinary: string;
    timeSkippingBinary: string;
  }
}

/** Starts what all test files share: a dev server and the workflow bundle. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const onProgress = (message: string): void => void process.stderr.write(`${message}\n`);
  const temporal = await findBinary('temporal', { env: process.env, onProgress });
  const timeSkipping = await findBinary('temporal-test-server', { env: process.env, onProgress });
  // The server is written in Go: with more memory it collects less garbage, on the cores that the tests need.
  process.env['GOGC'] ??= '400';
  const folder = await mkdtemp(join(tmpdir(), 'aegrail-test-'));
  const [server, bundle] = await Promise.all([
    startDevServer({ binary: temporal.path }),
    bundleWorkflows({ logger: new DefaultLogger('ERROR') }),
  ]);
  const bundlePath = join(folder, 'bundle.js');
  await writeFile(bundlePath, bundle.code);
  project.provide('address', server.address);
  project.provide('uiUrl', server.uiUrl);
  project.provide('bundlePath', bundlePath);
  project.provide('temporalBinary', temporal.path);
  project.provide('timeSkippingBinary', timeSkipping.path);
  return async () => {
    await server.stop();
    await rm(folder, { recursive: true });
  };
}
