import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DevServerError, systemCodeOf } from './errors.ts';

/*
 * A lock between processes: a directory that holds owner.json. It is made complete under another name and then renamed,
 * so that a lock is never seen without its owner; rename onto a directory with something in it fails.
 * src/setup/lock.mjs is the same lock for the Node that is too old to read this file.
 */

type Owner = { readonly pid: number; readonly host: string; readonly token: string };

const heartbeatMs = 5_000;
const staleAfterMs = 60_000;
const retryMs = 100;

/**
 * Runs `work` while holding the lock `lockDir`. A lock whose process is dead, or that was not refreshed for a minute, is taken over.
 * @param onWait told once, when the lock has to be waited for, with the owner's process id.
 * @throws DevServerError `lock_timeout` after `timeoutMs` (15 minutes when not given).
 */
export async function withLock<T>(
  lockDir: string,
  onWait: (ownerPid: number) => void,
  work: () => Promise<T>,
  timeoutMs = 900_000,
): Promise<T> {
  const mine: Owner = { pid: process.pid, host: hostname(), token: randomUUID() };
  await acquire(lockDir, mine, onWait, timeoutMs);
  const ownerFile = join(lockDir, 'owner.json');
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(ownerFile, now, now).catch(() => undefined); // taken over: release() sees that
  }, heartbeatMs);
  heartbeat.unref();
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    if ((await readOwner(lockDir))?.token === mine.token) await rm(lockDir, { recursive: true, force: true });
  }
}

async function acquire(lockDir: string, mine: Owner, onWait: (pid: number) => void, timeoutMs: number): Promise<void> {
  const staged = `${lockDir}.${mine.token}`;
  await mkdir(dirname(lockDir), { recursive: true });
  await mkdir(staged);
  await writeFile(join(staged, 'owner.json'), JSON.stringify(mine));
  const giveUpAt = Date.now() + timeoutMs;
  let told = false;
  try {
    while (!(await renamed(staged, lockDir))) {
      const owner = await readOwner(lockDir);
      if (owner === undefined) continue; // released in between
      if (await isStale(lockDir, owner)) {
        await takeAway(lockDir, owner, `${staged}.stale`);
        continue;
      }
      if (Date.now() > giveUpAt) throw lockTimeout(lockDir, owner.pid);
      if (!told) onWait(owner.pid);
      told = true;
      await delay(retryMs);
    }
  } finally {
    await rm(staged, { recursive: true, force: true });
  }
}

async function renamed(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    const code = systemCodeOf(error);
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return false;
    throw error;
  }
}

/** undefined when there is no lock (any more). An unreadable owner counts as a dead process of this machine. */
async function readOwner(lockDir: string): Promise<Owner | undefined> {
  const dead: Owner = { pid: 0, host: hostname(), token: '' };
  try {
    const owner: unknown = JSON.parse(await readFile(join(lockDir, 'owner.json'), 'utf8'));
    return isOwner(owner) ? owner : dead;
  } catch (error) {
    return systemCodeOf(error) === 'ENOENT' ? undefined : dead;
  }
}

function isOwner(value: unknown): value is Owner {
  if (typeof value !== 'object' || value === null) return false;
  if (!('pid' in value && 'host' in value && 'token' in value)) return false;
  return typeof value.pid === 'number' && typeof value.host === 'string' && typeof value.token === 'string';
}

async function isStale(lockDir: string, owner: Owner): Promise<boolean> {
  if (owner.host === hostname() && !isAlive(owner.pid)) return true;
  const info = await stat(join(lockDir, 'owner.json')).catch(() => undefined);
  return info !== undefined && Date.now() - info.mtimeMs > staleAfterMs;
}

function isAlive(pid: number): boolean {
  if (pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCodeOf(error) === 'EPERM'; // it lives and is somebody else's
  }
}

/** Moves a stale lock aside; if another process was faster and it is a fresh one by now, puts it back. */
async function takeAway(lockDir: string, stale: Owner, aside: string): Promise<void> {
  try {
    await rename(lockDir, aside);
  } catch {
    return; // another process took it away
  }
  if ((await readOwner(aside))?.token !== stale.token && (await renamed(aside, lockDir))) return;
  await rm(aside, { recursive: true, force: true });
}

function lockTimeout(lockDir: string, pid: number): DevServerError {
  return new DevServerError(
    'lock_timeout',
    `process ${String(pid)} holds the lock ${lockDir} for too long: end that process, or remove the directory, and try again`,
  );
}
