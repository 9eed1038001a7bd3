// @ts-check
import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/*
 * The lock of src/devserver/lock.ts, which explains it, for a Node that can't read TypeScript yet: this runs before there is
 * another Node.
 */

const heartbeatMs = 5_000;
const staleAfterMs = 60_000;
const retryMs = 100;

/**
 * Runs `work` while holding the lock `lockDir`.
 * @template T
 * @param {string} lockDir
 * @param {(ownerPid: number) => void} onWait told once, when the lock has to be waited for
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(lockDir, onWait, work) {
  const mine = { pid: process.pid, host: hostname(), token: randomUUID() };
  await acquire(lockDir, mine, onWait);
  const heartbeat = setInterval(() => {
    const now = new Date();
    try {
      utimesSync(join(lockDir, 'owner.json'), now, now);
    } catch {
      // taken over: seen below
    }
  }, heartbeatMs);
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    if (readOwner(lockDir)?.token === mine.token) rmSync(lockDir, { recursive: true, force: true });
  }
}

/** @param {string} lockDir @param {{ pid: number, host: string, token: string }} mine @param {(pid: number) => void} onWait */
async function acquire(lockDir, mine, onWait) {
  const staged = `${lockDir}.${mine.token}`;
  mkdirSync(dirname(lockDir), { recursive: true });
  mkdirSync(staged);
  writeFileSync(join(staged, 'owner.json'), JSON.stringify(mine));
  let told = false;
  try {
    while (!renamed(staged, lockDir)) {
      const owner = readOwner(lockDir);
      if (owner === undefined) continue;
      if (isStale(lockDir, owner)) {
        takeAway(lockDir, owner, `${staged}.stale`);
        continue;
      }
      if (!told) onWait(owner.pid);
      told = true;
      await delay(retryMs);
    }
  } finally {
    rmSync(staged, { recursive: true, force: true });
  }
}

/** @param {string} from @param {string} to */
function renamed(from, to) {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return false;
    throw error;
  }
}

/** @param {string} lockDir @returns {{ pid: number, host: string, token: string } | undefined} */
function readOwner(lockDir) {
  const dead = { pid: 0, host: hostname(), token: '' };
  try {
    const owner = JSON.parse(readFileSync(join(lockDir, 'owner.json'), 'utf8'));
    return typeof owner?.pid === 'number' ? { ...dead, ...owner } : dead;
  } catch (error) {
    return codeOf(error) === 'ENOENT' ? undefined : dead;
  }
}

/** @param {string} lockDir @param {{ pid: number, host: string }} owner */
function isStale(lockDir, owner) {
  if (owner.host === hostname() && !isAlive(owner.pid)) return true;
  try {
    return Date.now() - statSync(join(lockDir, 'owner.json')).mtimeMs > staleAfterMs;
  } catch {
    return false;
  }
}

/** @param {number} pid */
function isAlive(pid) {
  if (pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

/** @param {string} lockDir @param {{ token: string }} stale @param {string} aside */
function takeAway(lockDir, stale, aside) {
  try {
    renameSync(lockDir, aside);
  } catch {
    return;
  }
  if (readOwner(aside)?.token !== stale.token && renamed(aside, lockDir)) return;
  rmSync(aside, { recursive: true, force: true });
}

/** @param {unknown} error @returns {unknown} */
function codeOf(error) {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
