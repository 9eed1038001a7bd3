import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { AegrailError } from '../core/errors.ts';
import type { Store } from '../store/store.ts';
import { readConfig } from './config.ts';
import type { Terminal } from './terminal.ts';

/**
 * Opens the store of a contract file, and closes it after `work`.
 *
 * @param instead what the command could do without a store, for who has none
 * @throws AegrailError CONFIG_INVALID when there is none: opening it would make an empty one
 */
export async function withStore<T>(
  config: string | undefined,
  terminal: Terminal,
  work: (store: Store) => Promise<T>,
  instead = '',
): Promise<T> {
  const { file, source } = await readConfig(config, terminal.cwd);
  const path = /^sqlite:(?!:memory:)(.+)$/.exec(file.store)?.[1];
  if (path !== undefined && !existsSync(resolve(source.baseDir, path))) {
    throw new AegrailError(
      'CONFIG_INVALID',
      `The store of ${source.file} is not there (${path}): no worker has written to it. Name the contract file of the workers with --config${instead}.`,
    );
  }
  const { openStore } = await import('../store/open.ts');
  const store = await openStore(file.store, source.baseDir, terminal.env);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}
