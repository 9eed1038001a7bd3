import type { DatabaseSync } from 'node:sqlite';
import { AegrailError } from '../core/errors.ts';
import { SQLITE_VERSIONS } from './sqlite-versions.ts';

/** Written into a database's header, so that another program's file is not taken for ours: "aegr". */
const APPLICATION_ID = 0x61656772;

/**
 * Brings a database to this release's schema. Call it inside a transaction that holds the write lock, so that two
 * processes that start at once do not both.
 *
 * @throws AegrailError CONFIG_INVALID when a newer release wrote the database, or another program
 */
export function migrate(database: DatabaseSync, path: string): void {
  const version = pragma(database, 'user_version');
  if (version === 0 && pragma(database, 'application_id') === 0 && isEmpty(database)) {
    database.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
  }
  if (pragma(database, 'application_id') !== APPLICATION_ID) {
    throw new AegrailError('CONFIG_INVALID', `${path} is another program's database: give aegrail a file of its own`);
  }
  if (version > SQLITE_VERSIONS.length) {
    const versions = `its schema is version ${version}, and this release knows ${SQLITE_VERSIONS.length}`;
    throw new AegrailError(
      'CONFIG_INVALID',
      `${path} was written by a newer release of aegrail (${versions}): use that release`,
    );
  }
  for (const statements of SQLITE_VERSIONS.slice(version)) database.exec(statements);
  database.exec(`PRAGMA user_version = ${SQLITE_VERSIONS.length}`);
}

function pragma(database: DatabaseSync, name: 'user_version' | 'application_id'): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
}

function isEmpty(database: DatabaseSync): boolean {
  return database.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined;
}
