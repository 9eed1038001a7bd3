import { resolve } from 'node:path';
import { AegrailError } from '../core/errors.ts';
import { type Environment, expandVariables } from '../core/expand.ts';
import { openSqliteStore } from './sqlite.ts';
import { MEMORY } from './sqlite-open.ts';
import type { Store } from './store.ts';

const SUPPORTED =
  'sqlite:PATH (one file, for one machine), sqlite::memory: (for trials) and postgres://USER:PASSWORD@HOST:PORT/DATABASE (for many machines)';

/** A PostgreSQL URL up to the first "@": its user and password. */
const CREDENTIALS = /^postgres(?:ql)?:\/\/[^@]*@/;

/**
 * Opens the store that a configuration names. Variables (`${NAME}`) are put in by src/core/expand.ts; one that stands for
 * a user or a password may have any characters, and is not to be percent-encoded.
 *
 * @param url `sqlite:PATH`, `sqlite::memory:` or `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=…&schema=…`
 * @param baseDir what a relative path is relative to: the configuration file's folder
 * @param env where variables are looked up
 * @param onWait told, in words, when another process is waited for
 * @throws AegrailError CONFIG_INVALID for any other url, a missing variable, and a store that can't be opened as it is;
 *   AUDIT_UNAVAILABLE for a PostgreSQL server that can't be reached. No message holds a password.
 */
export async function openStore(
  url: string,
  baseDir: string,
  env: Environment = {},
  onWait: (why: string) => void = () => undefined,
): Promise<Store> {
  const expanded = expandUrl(url, env);
  const colon = expanded.indexOf(':');
  const scheme = expanded.slice(0, Math.max(colon, 0));
  const path = expanded.slice(colon + 1);
  if (scheme === 'postgres' || scheme === 'postgresql') {
    // Loaded when it is used: who keeps records in a file does not pay for it.
    const { openPostgresStore } = await import('./postgres.ts');
    return openPostgresStore(expanded, onWait);
  }
  // The rest of the url is not shown: it may hold a password.
  if (scheme !== 'sqlite')
    throw invalid(scheme === '' ? 'no kind of store is named' : `"${scheme}:" is no kind of store`);
  if (path === '') throw invalid('no path after "sqlite:"');
  if (/^\/\/(?!\/)/.test(path)) throw invalid('two slashes after "sqlite:" name a host');
  return openSqliteStore(path === MEMORY ? MEMORY : resolve(baseDir, path));
}

/** A password as it is may hold "@" and "/", and would move the end of the host: it is put in percent-encoded. */
function expandUrl(url: string, env: Environment): string {
  const credentials = CREDENTIALS.exec(url)?.[0] ?? '';
  const encoded = Object.fromEntries(
    Object.entries(env).map(([name, value]) => [name, value === undefined ? undefined : encodeURIComponent(value)]),
  );
  return expandVariables(credentials, encoded, 'store') + expandVariables(url.slice(credentials.length), env, 'store');
}

function invalid(why: string): AegrailError {
  return new AegrailError('CONFIG_INVALID', `store: ${why}. Supported: ${SUPPORTED}`);
}
