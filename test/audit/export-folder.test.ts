import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { type ExportedBundle, exportBundle } from '../../src/audit/export-bundle.ts';
import type { ExportStore } from '../../src/audit/selected.ts';
import { all, emptyStore, temporaryFolder } from './export-kit.ts';
import { fill, JANUARY, order, readBundle } from './export-orders.ts';

describe('the folder', () => {
  test('may be there when it is empty', async () => {
    const store = emptyStore();
    await fill(store);
    const folder = temporaryFolder();
    await exportBundle(order(store, {}, folder));
    readBundle(folder);
  });

  test('is left alone when it is not empty, or no folder', async () => {
    const store = emptyStore();
    await fill(store);
    const dir = temporaryFolder();
    writeFileSync(join(dir, 'mine.txt'), 'mine');
    await expect(exportBundle(order(store, {}, dir))).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('is not empty') as string,
    });
    await expect(exportBundle(order(store, {}, join(dir, 'mine.txt')))).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('is a file') as string,
    });
    expect(readdirSync(dir)).toEqual(['mine.txt']);
  });

  test('is as it was after an export that was stopped', async () => {
    const store = emptyStore();
    await fill(store, [{ id: 'long', startMs: JANUARY, calls: 1000 }]);
    const dir = temporaryFolder();
    const stop = new AbortController();
    const seen: string[][] = [];
    const task = {
      ...order(store, {}, join(dir, 'bundle')),
      stop: stop.signal,
      onBlock: () => {
        seen.push(readdirSync(dir));
        stop.abort(new Error('enough'));
      },
    };
    await expect(exportBundle(task)).rejects.toThrow('enough');
    expect(seen).toEqual([[expect.stringMatching(/^\.bundle\.[0-9a-f]{12}\.partial$/)]]);
    expect(readdirSync(dir)).toEqual([]);
  });

  test('is as it was after a store that failed half-way', async () => {
    const store = emptyStore();
    await fill(store);
    const dir = temporaryFolder();
    mkdirSync(join(dir, 'bundle'));
    async function* failing(id: string): AsyncGenerator<string, void, undefined> {
      yield* store.lines(id);
      throw new Error('the disk is gone');
    }
    const broken: ExportStore = {
      sessions: (query) => store.sessions(query),
      lines: failing,
      getContract: (sha256) => store.getContract(sha256),
      tree: store.tree,
    };
    await expect(exportBundle(order(broken, {}, join(dir, 'bundle')))).rejects.toThrow('the disk is gone');
    expect(readdirSync(dir)).toEqual(['bundle']);
    expect(readdirSync(join(dir, 'bundle'))).toEqual([]);
  });
});

/** What a process may do only where it is told so. */
function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

test('memory does not grow with what is exported', async () => {
  const store = emptyStore();
  await fill(store, [{ id: 'long', startMs: JANUARY, calls: 2000 }]);
  const lines = await all(store.lines('long'));
  const mb = lines.join('\n').length / 1e6;
  const collectGarbage = garbageCollector();
  let most = 0;
  let least = Infinity;
  const repeats = Math.ceil(60 / mb);
  /** The same lines over and over: what one page of a store does not hold back, sixty do not either. */
  async function* many(): AsyncGenerator<string, void, undefined> {
    for (let repeat = 0; repeat < repeats; repeat++) {
      yield* store.lines('long');
      collectGarbage();
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      most = Math.max(most, heapUsed + arrayBuffers);
      least = Math.min(least, heapUsed + arrayBuffers);
    }
  }
  const huge: ExportStore = {
    sessions: (query) => store.sessions(query),
    lines: many,
    getContract: (sha256) => store.getContract(sha256),
    tree: store.tree,
  };
  const task = order(huge, {});
  const { manifest }: ExportedBundle = await exportBundle(task);
  expect(manifest.records).toBe(lines.length * repeats);
  const hash = createHash('sha256');
  for (let repeat = 0; repeat < repeats; repeat++) hash.update(`${lines.join('\n')}\n`);
  expect(manifest.files.find(({ name }) => name === 'records.jsonl')?.sha256).toBe(hash.digest('hex'));
  // Half of what is exported: other tests of this process leave some of theirs to be collected meanwhile.
  expect(most - least).toBeLessThan(30e6);
});
