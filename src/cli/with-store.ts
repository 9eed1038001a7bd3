import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { LoadedConfig } from '../config/load.ts';
import { AegrailError } from '../core/errors.ts';
import type { Store } from '../store/store.ts';
import { readConfig } from './config.ts';
import type { Terminal } from './terminal.ts';

/** Whether a store that is a file is there. */
export function isStoreThere({ file, source }: LoadedConfig): boolean {
  const path = sqlitePath(file.store);
  return path === undefined || existsSync(resolve(source.baseDir, path));
}

function sqlitePath(url: string): string | undefined {
  return /^sqlite:(?!:memory:)(.+)$/.exec(url)?.[1];
}

/**
 * Opens the store of a contract file, and closes it after `work`.
 *
 * @param config its name, or itself
 * @param instead what the command could do without a store, for who has none
 * @throws AegrailError CONFIG_INVALID when there is none: opening it would make an empty one
 */
export async function withStore<T>(
  config: string | LoadedConfig | undefined,
  terminal: Terminal,
  work: (store: Store) => Promise<T>,
  instead = '',
): Promise<T> {
  const loaded = typeof config === 'object' ? config : await readConfig(config, terminal.cwd);
  const { file, source } = loaded;
  if (!isStoreThere(loaded)) {
    throw new AegrailError(
      'CONFIG_INVALID',
      `The store of ${source.file} is not there (${sqlitePath(file.store)}): no worker has written to it. Name the contract file of the workers with --config${instead}.`,
    );
  }
  return withOpenedStore(loaded, terminal, work);
}

/** {@link withStore} of a store that is made when it is not there. */
export async function withOpenedStore<T>(
  { file, source }: LoadedConfig,
  terminal: Terminal,
  work: (store: Store) => Promise<T>,
): Promise<T> {
  const { openStore } = await import('../store/open.ts');
  const store = await openStore(file.store, source.baseDir, terminal.env, (why) => terminal.say(why));
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}
