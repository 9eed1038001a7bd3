import { resolve } from 'node:path';
import { AegrailError } from '../core/errors.ts';
import { openSqliteStore } from './sqlite.ts';
import { MEMORY } from './sqlite-open.ts';
import type { Store } from './store.ts';

const SUPPORTED = 'sqlite:PATH (one file, for one machine) and sqlite::memory: (for trials)';

/**
 * Opens the store that a configuration names.
 *
 * @param url `sqlite:PATH` or `sqlite::memory:`
 * @param baseDir what a relative path is relative to: the configuration file's folder
 * @throws AegrailError CONFIG_INVALID for any other url, and when the store can't be opened
 */
export async function openStore(url: string, baseDir: string): Promise<Store> {
  const colon = url.indexOf(':');
  const scheme = url.slice(0, Math.max(colon, 0));
  const path = url.slice(colon + 1);
  // The rest of the url is not shown: it may hold a password.
  if (scheme === 'postgres' || scheme === 'postgresql') throw invalid('PostgreSQL is not supported yet');
  if (scheme !== 'sqlite')
    throw invalid(scheme === '' ? 'no kind of store is named' : `"${scheme}:" is no kind of store`);
  if (path === '') throw invalid('no path after "sqlite:"');
  if (/^\/\/(?!\/)/.test(path)) throw invalid('two slashes after "sqlite:" name a host');
  return openSqliteStore(path === MEMORY ? MEMORY : resolve(baseDir, path));
}

function invalid(why: string): AegrailError {
  return new AegrailError('CONFIG_INVALID', `store: ${why}. Supported: ${SUPPORTED}`);
}
