import type { Env } from './cache.ts';
import type { BinaryName, Pin } from './pins.ts';
import type { Platform } from './platform.ts';

/** What every rung of the ladder is given. */
export type RungContext = {
  readonly name: BinaryName;
  readonly pin: Pin;
  /** undefined on machines without pinned binaries; only the environment variable and PATH work there. */
  readonly platform: Platform | undefined;
  readonly env: Env;
  readonly cacheDir: string;
  readonly onProgress: (line: string) => void;
};

/** Either the path of a binary that may be run, or why this rung has none. */
export type RungEnd = { readonly path: string } | { readonly why: string };

/** One way to a binary. It throws only where going on to the next rung would be wrong. */
export type Rung = (context: RungContext) => Promise<RungEnd>;

/** Bytes as people read them. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
