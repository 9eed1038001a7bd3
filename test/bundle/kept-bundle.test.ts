import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DefaultLogger } from '@temporalio/worker';
import { expect, onTestFinished, test } from 'vitest';
import { isForCodec } from '../../src/bundle/bundle.ts';
import { keptBundle } from '../../src/bundle/kept-bundle.ts';

const logger = new DefaultLogger('ERROR');

async function folder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'aegrail-bundles-'));
  onTestFinished(() => rm(dir, { recursive: true }));
  return dir;
}

test('a bundle is kept, and read back as it was; one for encrypted payloads is another', async () => {
  const dir = await folder();
  const made = await keptBundle(dir, { logger });
  const [name = ''] = await readdir(dir);
  expect(await readdir(dir)).toHaveLength(1);
  expect(await keptBundle(dir, { logger })).toEqual(made);
  // It is really the file that is read.
  await writeFile(join(dir, name), 'kept');
  expect(await keptBundle(dir, { logger })).toEqual({ code: 'kept' });
  const encrypted = await keptBundle(dir, { encrypted: true, logger });
  expect(isForCodec(encrypted)).toBe(true);
  expect(isForCodec(made)).toBe(false);
});

test('a folder that can not be written stops nobody', async () => {
  const file = join(await folder(), 'file');
  await writeFile(file, '');
  expect((await keptBundle(join(file, 'bundles'), { logger })).code).toContain('agentSession');
});

test('only the last bundles are kept', async () => {
  const dir = await folder();
  for (let index = 0; index < 12; index++) await writeFile(join(dir, `old-${index}.js`), '');
  await keptBundle(dir, { logger });
  expect(await readdir(dir)).toHaveLength(8);
});
