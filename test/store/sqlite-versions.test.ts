import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import { SQLITE_VERSIONS } from '../../src/store/sqlite-versions.ts';
import { sha256 } from '../suites/sample-session.ts';
import { expectBroughtOver, oldRecords } from '../suites/store-version-1.ts';

const INSERT = 'INSERT INTO records (session_id, seq, ts, event, hash, line) VALUES (?, ?, ?, ?, ?, ?)';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aegrail-versions-'));
  path = join(folder, 'old.db');
});
afterEach(() => rmSync(folder, { recursive: true }));

test('a released version is as it was', () => {
  expect(sha256(SQLITE_VERSIONS[0]!)).toBe('0b060b3e30041b15e2cb324d60aa0b28d77c03bba3638c6cd86d5361af8ab1ba');
});

test('a database of version 1 is brought over with all that it holds', async () => {
  const old = makeOld();
  old.close();
  const store = openSqliteStore(path);
  const fresh = openSqliteStore(join(folder, 'fresh.db'));
  await expectBroughtOver(store, fresh);
  expect(schemaOf(path)).toEqual(schemaOf(join(folder, 'fresh.db')));
  await store.close();
  await fresh.close();
});

test('a process of version 1 that still runs is refused from then on', async () => {
  const old = makeOld();
  const insert = old.prepare(INSERT);
  insert.run('late', 0, 'ts', 'session_started', 'hash', '{"agent_identity":"a/1","invoking_user":"u"}');
  await openSqliteStore(path).close();
  expect(() => insert.run('late', 1, 'ts', 'session_ended', 'hash', '{}')).toThrow(/no column named ts/);
  old.close();
});

test('a database that can not be brought over stays as it was', () => {
  const old = makeOld();
  old.prepare(INSERT).run('torn', 0, 'ts', 'session_started', 'hash', '{"agent_identity":"a/1"');
  const before = schemaOf(path);
  expect(() => openSqliteStore(path)).toThrow(/old\.db can not be opened: malformed JSON/);
  expect(schemaOf(path)).toEqual(before);
  expect(old.prepare('PRAGMA user_version').get()).toEqual({ user_version: 1 });
  old.close();
});

/** A database as version 1 left it. */
function makeOld(): DatabaseSync {
  const database = new DatabaseSync(path);
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA application_id = 1634035570; ${SQLITE_VERSIONS[0]}`);
  database.exec('PRAGMA user_version = 1');
  const insert = database.prepare(INSERT);
  for (const { record, line } of oldRecords()) {
    insert.run(record.session_id, record.seq, record.ts, record.event, record.hash, line);
  }
  database.exec("INSERT INTO claims (session_id, seq) VALUES ('open', 1)");
  return database;
}

function schemaOf(file: string): unknown {
  const database = new DatabaseSync(file);
  const schema = database.prepare('SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name').all();
  database.close();
  return schema;
}
