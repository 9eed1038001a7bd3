import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkpointsPath } from '../../src/sinks/file.ts';
import { botConfig, startStack } from '../harness/stack.ts';
import { headSeqs, office, verifyTree } from './kit.ts';
import { ORIGIN } from './sample-log.ts';

test('a worker seals its sessions when it stops, and gives the checkpoints to its sinks', async () => {
  const { store, keys, url, dir } = await office();
  const log = join(dir, 'sink.jsonl');
  const stack = await startStack({
    script: () => ({ say: 'Done.' }),
    config: botConfig({}, { signing: { origin: ORIGIN, keys, cadenceSeconds: 86_400 }, sinks: [{ file: log }] }),
    store: url,
  });
  const session = await stack.start({});
  await session.result();
  const records = await stack.records(session.id);
  expect(records.at(-1)?.event).toBe('session_ended');
  expect(await headSeqs(store, session.id)).toEqual([]);
  await stack.close();
  expect(await headSeqs(store, session.id)).toEqual([records.length - 1]);
  const checkpoints = await verifyTree(store);
  expect(checkpoints.map(({ size, cadenceSeconds }) => [size, cadenceSeconds])).toEqual([
    [1, 86_400],
    [2, 86_400],
  ]);
  const lines = readFileSync(checkpointsPath(log), 'utf8').trimEnd().split('\n');
  const notes = lines.map((line) => (JSON.parse(line) as { note: string }).note);
  expect(notes).toEqual(await Array.fromAsync(store.tree.checkpoints()));
});

test('a worker whose signing key is not there does not start', async () => {
  const { dir } = await office();
  const signing = { origin: ORIGIN, keys: join(dir, 'none') };
  await expect(startStack({ script: () => ({ say: '' }), config: botConfig({}, { signing }) })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining('"aegrail keys new" makes it'),
  });
});
