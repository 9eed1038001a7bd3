import { execFile } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { lineOf } from '../../src/core/chain.ts';
import type { ChainedRecord } from '../../src/core/record.ts';
import { createFanout } from '../../src/sinks/fanout.ts';
import { checkpointsPath, fileSink } from '../../src/sinks/file.ts';
import { chainedSession, sampleNote } from '../suites/sink.ts';

const records = chainedSession('s1', 10);
const text = textOf(records);
const ROTATED = /^audit\.\d{8}T\d{6}\.\d{3}Z\.jsonl$/;
const YESTERDAY = new Date(Date.now() - 86_400_000);

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aegrail-rotation-'));
  path = join(folder, 'audit.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true }));

function textOf(some: readonly ChainedRecord[]): string {
  return some.map((record) => `${lineOf(record)}\n`).join('');
}

function names(): readonly string[] {
  return readdirSync(folder).sort();
}

function allText(): string {
  return names()
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('');
}

describe('by size', () => {
  test.each([1, 7, records.length])(
    'no file is larger, and in the order of their names they are the log: batches of %i',
    async (size) => {
      const sink = fileSink(path, { maxBytes: 4000 });
      for (let from = 0; from < records.length; from += size) await sink.write(records.slice(from, from + size));
      await sink.close();
      expect(names().length).toBeGreaterThan(3);
      expect(names().slice(0, -1)).toEqual(
        names()
          .slice(0, -1)
          .filter((name) => ROTATED.test(name)),
      );
      for (const name of names()) expect(statSync(join(folder, name)).size).toBeLessThanOrEqual(4000);
      expect(allText()).toBe(text);
    },
  );

  test('a line that is larger by itself has a file of its own', async () => {
    const sink = fileSink(path, { maxBytes: 10 });
    await sink.write(records.slice(0, 3));
    await sink.close();
    expect(names()).toHaveLength(3);
    expect(allText()).toBe(textOf(records.slice(0, 3)));
  });

  test('a rotated set verifies, by the command of docs/sinks.md', async () => {
    const log = readFileSync(new URL('../vectors/valid/two-interleaved.jsonl', import.meta.url), 'utf8');
    const lines = log.split('\n').slice(0, -1);
    const sink = fileSink(path, { maxBytes: 4000 });
    for (const line of lines) await sink.write([JSON.parse(line) as ChainedRecord]);
    await sink.writeCheckpoint?.(sampleNote(0));
    await sink.close();
    expect(names().length).toBeGreaterThan(2);
    const bin = new URL('../../src/cli/bin.mjs', import.meta.url).pathname;
    const documented = 'cat audit.2*.jsonl audit.jsonl | aegrail audit verify -';
    expect(readFileSync(new URL('../../docs/sinks.md', import.meta.url), 'utf8')).toContain(documented);
    const command = documented.replace('aegrail', `"${process.execPath}" "${bin}"`);
    const { stdout } = await promisify(execFile)('sh', ['-c', command], { cwd: folder });
    expect(stdout).toContain(`-: ${lines.length} records of 2 sessions, nothing wrong was found`);
  });

  test('keeps so many rotated files, the newest', async () => {
    const sink = fileSink(path, { maxBytes: 2500, keep: 2 });
    for (const record of records) await sink.write([record]);
    await sink.close();
    expect(names()).toHaveLength(3);
    expect(text.endsWith(allText())).toBe(true);
  });

  test('after a clock that went back, names go on in order', async () => {
    const future = 'audit.21990101T000000.000Z.jsonl';
    writeFileSync(join(folder, future), textOf(records.slice(0, 2)));
    const sink = fileSink(path, { maxBytes: 2500 });
    await sink.write(records.slice(2));
    await sink.close();
    expect(names()[0]).toBe(future);
    expect(names()[1]).toBe('audit.21990101T000000.001Z.jsonl');
    expect(allText()).toBe(text);
  });

  test('leaves other files of the folder alone', async () => {
    const others = [
      'audit.2026.jsonl',
      'audit.jsonl.gz',
      'audit-20261123T022607.123Z.jsonl',
      'other.20261123T022607.123Z.jsonl',
    ];
    for (const name of others) writeFileSync(join(folder, name), 'theirs\n');
    const sink = fileSink(path, { maxBytes: 2500, keep: 1 });
    await sink.write(records);
    await sink.close();
    expect(names()).toEqual(expect.arrayContaining(others));
    expect(names()).toHaveLength(others.length + 2);
  });

  test('an old file that can not be deleted is told, and no line is lost', async () => {
    mkdirSync(join(folder, 'audit.20200101T000000.000Z.jsonl'));
    const troubles: [number, unknown][] = [];
    const sink = fileSink(path, { maxBytes: 2500, keep: 1 });
    sink.listen?.((lost, error) => troubles.push([lost, error]));
    await sink.write(records.slice(0, 4));
    await sink.close();
    expect(troubles.length).toBeGreaterThan(0);
    expect(troubles.every(([lost]) => lost === 0)).toBe(true);
    rmSync(join(folder, 'audit.20200101T000000.000Z.jsonl'), { recursive: true });
    expect(allText()).toBe(textOf(records.slice(0, 4)));
  });
});

describe('by day', () => {
  test('a file whose last line is of yesterday is kept under its time; one of today is gone on with', async () => {
    const sink = fileSink(path, { daily: true });
    await sink.write(records.slice(0, 2));
    await sink.write(records.slice(2, 4));
    expect(names()).toEqual(['audit.jsonl']);
    utimesSync(path, YESTERDAY, YESTERDAY);
    await sink.write(records.slice(4));
    await sink.close();
    const stamp = YESTERDAY.toISOString().replace(/[-:]/g, '');
    expect(names()).toEqual([`audit.${stamp}.jsonl`, 'audit.jsonl']);
    expect(allText()).toBe(text);
  });

  test('without daily it is gone on with', async () => {
    const sink = fileSink(path);
    await sink.write(records.slice(0, 2));
    utimesSync(path, YESTERDAY, YESTERDAY);
    await sink.write(records.slice(2));
    await sink.close();
    expect(names()).toEqual(['audit.jsonl']);
  });
});

describe('a file that was moved away', () => {
  test.each<[string, (path: string) => void]>([
    ['renamed', (from) => renameSync(from, `${from}.1`)],
    [
      'renamed, and another made in its place',
      (from) => {
        renameSync(from, `${from}.1`);
        writeFileSync(from, '');
      },
    ],
  ])('%s: the next batch goes into a new one', async (_how, move) => {
    const sink = fileSink(path);
    await sink.write(records.slice(0, 2));
    move(path);
    await sink.write(records.slice(2));
    await sink.close();
    expect(readFileSync(`${path}.1`, 'utf8')).toBe(textOf(records.slice(0, 2)));
    expect(readFileSync(path, 'utf8')).toBe(textOf(records.slice(2)));
  });

  test('with its whole folder', async () => {
    const deep = join(folder, 'logs', 'audit.jsonl');
    const sink = fileSink(deep);
    await sink.write(records.slice(0, 2));
    rmSync(join(folder, 'logs'), { recursive: true });
    await sink.write(records.slice(2));
    await sink.close();
    expect(readFileSync(deep, 'utf8')).toBe(textOf(records.slice(2)));
  });

  test('a fan-out has it made anew when told so, without a write, and lets go of the one that was moved', async () => {
    const openFiles = (): readonly string[] =>
      readdirSync('/proc/self/fd').flatMap((fd) => {
        try {
          return [statSync(`/proc/self/fd/${fd}`).ino === inode ? fd : ''].filter(Boolean);
        } catch {
          return [];
        }
      });
    const sink = fileSink(path);
    const fanout = createFanout([sink], { logger: { warn: () => undefined } });
    fanout.publish(records.slice(0, 2));
    await vi.waitFor(() => expect(readFileSync(path, 'utf8')).toBe(textOf(records.slice(0, 2))), { interval: 2 });
    const inode = statSync(path).ino;
    if (process.platform === 'linux') expect(openFiles()).toHaveLength(1);
    renameSync(path, `${path}.1`);
    fanout.reopen();
    await vi.waitFor(() => expect(readFileSync(path, 'utf8')).toBe(''), { interval: 2 });
    if (process.platform === 'linux') await vi.waitFor(() => expect(openFiles()).toEqual([]), { interval: 2 });
    fanout.publish(records.slice(2));
    await fanout.close(2000);
    expect(readFileSync(`${path}.1`, 'utf8') + readFileSync(path, 'utf8')).toBe(text);
  });
});

describe('checkpoints', () => {
  const beside = (): string => join(folder, 'audit.checkpoints.jsonl');

  test('are in a file of their own that is never rotated, and never deleted', async () => {
    const sink = fileSink(path, { maxBytes: 2500, daily: true, keep: 1 });
    for (let number = 0; number < 30; number++) {
      await sink.writeCheckpoint?.(sampleNote(number));
      utimesSync(beside(), YESTERDAY, YESTERDAY);
      await sink.write(records.slice(number % records.length).slice(0, 1));
    }
    await sink.close();
    expect(statSync(beside()).size).toBeGreaterThan(2500);
    expect(readFileSync(beside(), 'utf8')).toBe(
      Array.from({ length: 30 }, (_, number) => `${JSON.stringify({ note: sampleNote(number) })}\n`).join(''),
    );
    expect(names().filter((name) => ROTATED.test(name))).toHaveLength(1);
  });

  test('whose file was moved away go on in a new one', async () => {
    const sink = fileSink(path, { fsync: 'batch' });
    await sink.writeCheckpoint?.(sampleNote(0));
    renameSync(beside(), `${beside()}.1`);
    await sink.writeCheckpoint?.(sampleNote(1));
    renameSync(beside(), `${beside()}.2`);
    await sink.reopen?.();
    expect(readFileSync(beside(), 'utf8')).toBe('');
    await sink.close();
    expect([1, 2].map((n) => readFileSync(`${beside()}.${n}`, 'utf8'))).toEqual(
      [0, 1].map((n) => `${JSON.stringify({ note: sampleNote(n) })}\n`),
    );
  });

  test.each([
    ['audit.jsonl', 'audit.checkpoints.jsonl'],
    ['logs.d/audit', 'logs.d/audit.checkpoints.jsonl'],
    ['/var/log/a.b.log', '/var/log/a.b.checkpoints.jsonl'],
  ])('beside %s are in %s', (of, is) => {
    expect(checkpointsPath(of)).toBe(is);
  });
});

test('a disk that is full fails the write, holds nobody up, and is told of', async () => {
  // The device that every write to fails as on a full disk.
  if (process.platform !== 'linux') return;
  const warnings: string[] = [];
  const fanout = createFanout([fileSink('/dev/full'), fileSink(path)], {
    logger: { warn: (_fields, message) => void warnings.push(message) },
  });
  const startedMs = performance.now();
  for (const record of records) fanout.publish([record]);
  expect(performance.now() - startedMs).toBeLessThan(1_000);
  await vi.waitFor(() => expect(readFileSync(path, 'utf8')).toBe(text), { interval: 2 });
  await fanout.close(2000);
  expect(warnings.length).toBeGreaterThan(0);
  expect(warnings.join()).toMatch(/^audit sink file \/dev\/full: \d+ lines failed \(ENOSPC: no space left on device/);
});

test('half a line that a crash has left takes no other with it', async () => {
  writeFileSync(path, `${textOf(records.slice(0, 1))}{"agent_iden`);
  const sink = fileSink(path);
  await sink.write(records.slice(1));
  await sink.close();
  expect(readFileSync(path, 'utf8')).toBe(`${textOf(records.slice(0, 1))}{"agent_iden\n${textOf(records.slice(1))}`);
});
