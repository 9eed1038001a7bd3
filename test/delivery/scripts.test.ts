import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Connection } from '@temporalio/client';
import { beforeAll, expect, it, onTestFinished } from 'vitest';
import { findBinary } from '../../src/devserver/binaries.ts';
import { hasNamespace } from '../../src/devserver/ready.ts';
import { startDevServer } from '../../src/devserver/server.ts';
import { searchableIn } from '../../src/temporal/search-attributes.ts';
import { root } from './repository.ts';

const path = (name: string): string => resolve(root, 'deploy', name);

/** A directory for PATH in which the CLI has the name that the scripts call it by, gone with the test. */
function pathWith(binary: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'aegrail-delivery-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  symlinkSync(binary, join(dir, 'temporal'));
  return dir;
}

let binary = '';
beforeAll(async () => {
  binary = (await findBinary('temporal', { env: process.env, onProgress: () => undefined })).path;
}, 120_000);

it('create-namespace.sh makes the namespace on a real server, and leaves it alone the second time', async () => {
  const server = await startDevServer({ binary });
  onTestFinished(server.stop);
  const bin = pathWith(binary);
  const run = (namespace: string, retention = '24h'): string =>
    execFileSync('sh', [path('temporal/create-namespace.sh')], {
      encoding: 'utf8',
      stdio: 'pipe',
      env: {
        PATH: `${bin}:/usr/bin:/bin`,
        HOME: bin,
        TEMPORAL_ADDRESS: server.address,
        TEMPORAL_NAMESPACE: namespace,
        RETENTION: retention,
      },
    });
  expect(await hasNamespace(server.address, 'delivery')).toBe(false);
  expect(run('delivery')).toContain('registered');
  expect(await hasNamespace(server.address, 'delivery')).toBe(true);
  expect(run('delivery')).toContain('namespace delivery is there');
  const connection = await Connection.connect({ address: server.address });
  onTestFinished(() => connection.close());
  expect(await searchableIn(connection, 'delivery')).toEqual(['agent', 'user', 'state', 'outcome']);
  expect(() => run('third', 'soon')).toThrow(/soon/);
  expect(await hasNamespace(server.address, 'third')).toBe(false);
}, 90_000);

it.each([
  ['temporal/create-namespace.sh', 'TEMPORAL_ADDRESS'],
  ['temporal/setup-schema.sh', 'SQL_HOST'],
  ['store/create-database.sh', 'AEGRAIL_STORE_PASSWORD'],
])('%s says which variable is missing', (script, variable) => {
  const run = (): string =>
    execFileSync('sh', [path(script)], { encoding: 'utf8', env: { PATH: '/usr/bin:/bin' }, stdio: 'pipe' });
  expect(run).toThrow(new RegExp(`${variable}: set ${variable} to `));
});

it('without-containers.sh says which tool is missing, and starts nothing', () => {
  const run = (): string =>
    execFileSync('sh', [path('without-containers.sh'), '/nowhere/at/all'], {
      encoding: 'utf8',
      env: { PATH: '/usr/bin:/bin' },
      stdio: 'pipe',
    });
  expect(run).toThrow(/is not on PATH/);
});
