import { type ChildProcess, execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openStore } from '../../src/store/open.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import { SQLITE_SQL } from '../../src/store/sqlite-sql.ts';
import type { Store } from '../../src/store/store.ts';
import { storeSuite } from '../suites/store.ts';
import { sampleSession } from '../suites/sample-session.ts';
import { expectFewAtATime, statementOf } from '../suites/store-under-test.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aegrail-store-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

storeSuite('sqlite', async () => {
  const path = join(folder, 'new/folder/aegrail.db');
  const opened: Store[] = [];
  const open = async (): Promise<Store> => {
    const store = openSqliteStore(path);
    opened.push(store);
    return store;
  };
  return {
    store: await open(),
    url: `sqlite:${path}`,
    another: open,
    dispose: async () => {
      for (const store of opened) await store.close();
    },
  };
});

describe('a SQLite store', () => {
  test('syncs fully, and writes ahead', async () => {
    const path = join(folder, 'a.db');
    const store = openSqliteStore(path);
    await store.append('s1', sampleSession('s1', 0));
    expect(existsSync(`${path}-wal`)).toBe(true);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(`${path}-wal`).mode & 0o777).toBe(0o600);
    await store.close();
    expect(existsSync(`${path}-wal`)).toBe(false);
  });

  test('holds a few megabytes of a log at a time', async () => {
    const path = join(folder, 'a.db');
    const store = openSqliteStore(path);
    await expectFewAtATime(store, async (seq) =>
      alter(path, `UPDATE records SET line = 'changed' WHERE session_id = 's1' AND seq = ${seq}`),
    );
    await store.close();
  });

  test('finds what is due by an index, without a look at sessions that are sealed', () => {
    const path = join(folder, 'a.db');
    void openSqliteStore(path).close();
    const database = new DatabaseSync(path);
    const plan = database.prepare(`EXPLAIN QUERY PLAN ${SQLITE_SQL.due}`).all('2026-01-01T00:00:00.000Z', 10);
    expect(plan.map(({ detail }) => detail)).toEqual(['SCAN sessions USING INDEX sessions_unsealed']);
    database.close();
  });

  test('finds a session and those below it by the index of ids', async () => {
    const path = join(folder, 'a.db');
    void openSqliteStore(path).close();
    const database = new DatabaseSync(path);
    const asked = await statementOf('sessions', {
      sessionId: 's7',
      below: true,
      agent: 'a',
      order: 'oldest',
      limit: 1,
    });
    const plan = database.prepare(`EXPLAIN QUERY PLAN ${asked}`).all();
    expect(plan.map(({ detail }) => String(detail)).filter((step) => step.includes(' sessions'))).toEqual([
      'SEARCH sessions USING INDEX sqlite_autoindex_sessions_1 (session_id=?)',
      'SEARCH sessions USING INDEX sqlite_autoindex_sessions_1 (session_id>? AND session_id<?)',
    ]);
    database.close();
  });

  test('refuses a database of a newer release', () => {
    const path = join(folder, 'a.db');
    void openSqliteStore(path).close();
    alter(path, 'PRAGMA user_version = 99');
    expect(() => openSqliteStore(path)).toThrow(/written by a newer release.*version 99/);
  });

  test("refuses another program's database, and leaves it alone", () => {
    const path = join(folder, 'a.db');
    alter(path, 'CREATE TABLE executions (id TEXT)');
    expect(() => openSqliteStore(path)).toThrow(/another program's database/);
    const database = new DatabaseSync(path);
    expect(database.prepare('SELECT name FROM sqlite_schema').all()).toEqual([{ name: 'executions' }]);
    database.close();
  });

  test.each([
    [
      'a file that is no database',
      (path: string) => writeFileSync(path, 'not a database, but long enough to be read as one'.repeat(50)),
    ],
    ['a folder', (path: string) => mkdirSync(path)],
    ['a path below a file', (path: string) => writeFileSync(path, '')],
  ])('says so of %s', (what, make) => {
    const path = join(folder, 'a.db');
    make(path);
    const asked = what === 'a path below a file' ? join(path, 'b.db') : path;
    expect(() => openSqliteStore(asked)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(asked) }),
    );
  });

  test('many processes may make the file at once', async () => {
    const program = new URL('./open-child.ts', import.meta.url);
    const children = Array.from({ length: 4 }, () => fork(program));
    const next = async (child: ChildProcess): Promise<unknown> => (await once(child, 'message'))[0];
    await Promise.all(children.map(next));
    for (let round = 0; round < 20; round++) {
      const answers = children.map(next);
      for (const child of children) child.send({ path: join(folder, `race-${round}.db`), atMs: Date.now() + 10 });
      expect(await Promise.all(answers)).toEqual(['opened', 'opened', 'opened', 'opened']);
    }
    for (const child of children) child.kill();
  });

  test('prints no warning of its own, and swallows none of others', async () => {
    const module = new URL('../../src/store/node-sqlite.ts', import.meta.url);
    const program = `import { loadSqlite } from '${module.href}'; loadSqlite(); process.emitWarning('kept', 'ExperimentalWarning');`;
    const { stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]);
    expect(stderr).toContain('ExperimentalWarning: kept');
    expect(stderr).not.toMatch(/sqlite/i);
  });
});

describe('openStore', () => {
  test('takes a path relative to the configuration', async () => {
    const store = await openStore('sqlite:.aegrail/aegrail.db', folder);
    await store.close();
    expect(existsSync(join(folder, '.aegrail/aegrail.db'))).toBe(true);
  });

  test('takes an absolute path, and memory', async () => {
    await (await openStore(`sqlite:${join(folder, 'b.db')}`, '/nowhere')).close();
    expect(existsSync(join(folder, 'b.db'))).toBe(true);
    const store = await openStore('sqlite::memory:', folder);
    expect(await store.append('s1', sampleSession('s1', 0))).toMatchObject({ lastSeq: 1 });
    await store.close();
  });

  test.each([
    ['mysql://user:secret@db/aegrail', '"mysql:" is no kind of store'],
    ['aegrail.db', 'no kind of store is named'],
    ['sqlite:', 'no path'],
    ['sqlite://aegrail.db', 'two slashes'],
    ['', 'no kind of store is named'],
  ])('refuses %s, and shows no password', async (url, why) => {
    const error = await openStore(url, folder).catch((thrown: unknown) => thrown as Error);
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining(why) });
    expect((error as Error).message).toContain('sqlite:PATH');
    expect((error as Error).message).not.toContain('secret');
  });
});

function alter(path: string, statement: string): void {
  const database = new DatabaseSync(path);
  database.exec(statement);
  database.close();
}
