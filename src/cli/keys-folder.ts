import { isAbsolute, relative, resolve } from 'node:path';
import type { LoadedConfig } from '../config/load.ts';
import { readConfigIfThere } from './config.ts';
import type { Terminal } from './terminal.ts';

/** Where keys are when nothing says so. */
const DEFAULT_DIR = './keys';

/** How commands are told which keys are meant. */
export interface KeysOptions {
  readonly dir?: string;
  readonly config?: string;
}

/** Which keys are meant. */
export interface KeysPlace {
  /** The folder, absolute. */
  readonly dir: string;
  /** The log's name, where a contract file says it. */
  readonly origin: string | null;
  /** The variable that the contract file has instead of a folder. */
  readonly keyEnv: string | null;
  /** Whether the contract file named the folder. */
  readonly isConfigured: boolean;
  /** The contract file, where there is one with a `signing` block and no `--dir` stood for it. */
  readonly config: LoadedConfig | null;
}

const NOT_CONFIGURED = { origin: null, keyEnv: null, isConfigured: false, config: null } as const;

/**
 * The folder of `--dir`, or of the contract file's `signing` block, or `./keys`.
 *
 * @throws AegrailError CONFIG_INVALID for a contract file that is wrong
 */
export async function keysPlace({ dir, config }: KeysOptions, { cwd }: Terminal): Promise<KeysPlace> {
  if (dir !== undefined) return { dir: resolve(cwd, dir), ...NOT_CONFIGURED };
  const loaded = await readConfigIfThere(config, cwd);
  const signing = loaded?.file.signing;
  if (!loaded || !signing) return { dir: resolve(cwd, DEFAULT_DIR), ...NOT_CONFIGURED };
  return {
    dir: resolve(loaded.source.baseDir, signing.keys ?? DEFAULT_DIR),
    origin: signing.origin,
    keyEnv: signing.keyEnv ?? null,
    isConfigured: signing.keys !== undefined,
    config: loaded,
  };
}

/** A path as a person would write it here. */
export function shownPath(path: string, cwd: string): string {
  const near = relative(cwd, path);
  if (near === '' || near.startsWith('..') || isAbsolute(near)) return path;
  return near;
}
