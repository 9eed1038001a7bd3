import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { withLock } from '../../src/devserver/lock.ts';
import { tempDir } from './support.ts';

/** A lock as another process leaves it. */
function leaveLock(dir: string, owner: object): string {
  const lock = join(dir, 'it.lock');
  mkdirSync(lock);
  writeFileSync(join(lock, 'owner.json'), JSON.stringify(owner));
  return lock;
}

/** The id of a process that is dead for sure. */
function deadPid(): number {
  return spawnSync('true').pid;
}

describe('withLock', () => {
  test('lets one in at a time, and leaves nothing behind', async () => {
    const dir = tempDir();
    const lock = join(dir, 'it.lock');
    let inside = 0;
    let most = 0;
    const waits: number[] = [];
    const work = async (): Promise<void> => {
      inside += 1;
      most = Math.max(most, inside);
      await delay(5);
      inside -= 1;
    };
    await Promise.all([1, 2, 3, 4].map(() => withLock(lock, (pid) => waits.push(pid), work)));
    expect(most).toBe(1);
    expect(waits).toEqual([process.pid, process.pid, process.pid]);
    expect(readdirSync(dir)).toEqual([]);
  });

  test('is free again after an error', async () => {
    const lock = join(tempDir(), 'it.lock');
    await expect(
      withLock(
        lock,
        () => undefined,
        () => Promise.reject(new Error('no')),
      ),
    ).rejects.toThrow('no');
    expect(
      await withLock(
        lock,
        () => undefined,
        () => Promise.resolve(1),
      ),
    ).toBe(1);
  });

  test.each([
    ['of a dead process', { pid: deadPid(), host: hostname(), token: 'a' }, 0],
    ['that was not refreshed', { pid: process.pid, host: 'elsewhere', token: 'b' }, 120],
    ['with an unreadable owner', {}, 0],
  ])('takes over a lock %s', async (_, owner, ageSeconds) => {
    const lock = leaveLock(tempDir(), owner);
    const then = Date.now() / 1000 - ageSeconds;
    utimesSync(join(lock, 'owner.json'), then, then);
    const got = await withLock(
      lock,
      () => undefined,
      () => Promise.resolve('mine'),
      2_000,
    );
    expect(got).toBe('mine');
  });

  test('respects a fresh lock from another machine, and says who holds it when it gives up', async () => {
    const lock = leaveLock(tempDir(), { pid: 4_000_000, host: 'elsewhere', token: 'c' });
    const got = withLock(
      lock,
      () => undefined,
      () => Promise.resolve('mine'),
      150,
    );
    await expect(got).rejects.toMatchObject({ code: 'lock_timeout', message: expect.stringContaining('4000000') });
  });
});
