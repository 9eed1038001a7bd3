import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { lastLineOf, runCommand } from '../../src/devserver/command.ts';
import { script, tempDir } from './support.ts';

describe('runCommand', () => {
  test('keeps what the command says and its code', async () => {
    const file = script(tempDir(), 'it', 'echo one', 'echo two >&2', 'exit 4');
    const end = await runCommand({ file, args: [], env: {}, stallMs: 5_000 });
    expect([end.code, end.why]).toEqual([4, undefined]);
    expect(end.output.split('\n').toSorted()).toEqual(['', 'one', 'two']);
  });

  test('ends a command that does nothing', async () => {
    const file = script(tempDir(), 'it', 'exec sleep 60');
    const end = await runCommand({ file, args: [], env: process.env, stallMs: 300 });
    expect([end.code, end.why]).toEqual([null, 'nothing happened for 0 s']);
  });

  test('a download that grows is a sign of life, and is told', { timeout: 10_000 }, async () => {
    const watchDir = tempDir();
    const part = join(watchDir, 'part');
    const file = script(
      tempDir(),
      'it',
      `for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo more >> ${part}; sleep 0.1; done`,
    );
    const told: number[] = [];
    const onBytes = (bytes: number): void => void told.push(bytes);
    const end = await runCommand({ file, args: [], env: process.env, stallMs: 600, watchDir, onBytes });
    expect([end.code, end.why]).toEqual([0, undefined]);
    expect(told.length).toBeGreaterThan(0);
    expect(told).toEqual(told.toSorted((a, b) => a - b));
  });

  test('a command that is not there, or is killed, says so', async () => {
    const missing = await runCommand({ file: '/nowhere/it', args: [], env: {}, stallMs: 5_000 });
    expect(missing).toEqual({ code: null, output: '', why: '/nowhere/it is not on this machine' });
    const killed = script(tempDir(), 'it', 'kill -9 $$');
    expect((await runCommand({ file: killed, args: [], env: {}, stallMs: 5_000 })).why).toBe('ended by SIGKILL');
  });

  test.each([
    ['a\nb\n\n', 'b'],
    [' \n', 'it said nothing'],
  ])('the last line of %j is %j', (output, expected) => {
    expect(lastLineOf(output)).toBe(expected);
  });
});
