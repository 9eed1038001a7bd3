import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { LoadedConfig } from '../config/load.ts';

/** Reads the contract file; zod and YAML are loaded only now. @throws AegrailError CONFIG_INVALID */
export async function readConfig(name: string | undefined, cwd: string): Promise<LoadedConfig> {
  const { loadConfig } = await import('../config/load.ts');
  return loadConfig(name, cwd);
}

/** The same for a command that can do without: null when none is named and none is there. */
export async function readConfigIfThere(name: string | undefined, cwd: string): Promise<LoadedConfig | null> {
  const { CONFIG_NAMES } = await import('../config/source.ts');
  if (name === undefined && !CONFIG_NAMES.some((candidate) => existsSync(resolve(cwd, candidate)))) return null;
  return readConfig(name, cwd);
}
