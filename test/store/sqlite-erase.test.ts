import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { sampleSession } from '../suites/sample-session.ts';

const SESSIONS = 6;
const BLOBS = 300;
const SIZES_BYTES = [40, 200, 900, 1900, 3500, 20_000];

let folder: string;
let path: string;
let store: Store;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aegrail-erase-'));
  path = join(folder, 'a.db');
  store = openSqliteStore(path);
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

test.each([0, 2, 3])('erased bytes are in none of the database files, and all others are (%i)', async (seed) => {
  const marks = await fill(seed);
  for (let session = 0; session < SESSIONS; session++) expect(found(marks, session)).toBe(marks[session]!.length);
  for (let session = 0; session < SESSIONS; session++) {
    expect(await store.eraseBlobs(`s${session}`)).toMatchObject({ blobs: marks[session]!.length });
    for (let each = 0; each < SESSIONS; each++) {
      expect(found(marks, each), `of session ${each}`).toBe(each <= session ? 0 : marks[each]!.length);
    }
  }
});

test('says so when another process keeps the bytes in the write-ahead log, and erases them when asked again', async () => {
  await store.append('s1', sampleSession('s1', 0));
  await store.putBlob('s1', Buffer.from(markOf(0, 0)));
  const reader = new DatabaseSync(path);
  reader.exec('BEGIN');
  reader.prepare('SELECT count(*) FROM blobs').get();
  await expect(store.eraseBlobs('s1')).rejects.toMatchObject({
    code: 'AUDIT_UNAVAILABLE',
    message: expect.stringMatching(
      /^1 blobs \(66 bytes\) of session s1 are erased, but .* may still hold .*Erase again$/,
    ),
  });
  expect(found([[markOf(0, 0)]], 0)).toBe(1);
  reader.close();
  expect(await store.eraseBlobs('s1')).toEqual({ blobs: 0, bytes: 0 });
  expect(found([[markOf(0, 0)]], 0)).toBe(0);
});

/** Keeps blobs of several sizes for several sessions in turn. @returns what is in each session's blobs, and nowhere else */
async function fill(seed: number): Promise<readonly (readonly string[])[]> {
  const marks: string[][] = Array.from({ length: SESSIONS }, () => []);
  for (let index = 0; index < BLOBS; index++) {
    const mark = markOf(seed, index);
    const [first = 0, second = 0] = Buffer.from(mark.slice(1, 5), 'hex');
    const session = first % SESSIONS;
    const bytes = SIZES_BYTES[second % SIZES_BYTES.length]!;
    marks[session]!.push(mark);
    await store.putBlob(`s${session}`, Buffer.from(mark.repeat(Math.ceil(bytes / mark.length))));
  }
  return marks;
}

function markOf(seed: number, index: number): string {
  return `<${createHash('sha256').update(`${seed} ${index}`).digest('hex')}>`;
}

/** How many of a session's marks are in the database's files. */
function found(marks: readonly (readonly string[])[], session: number): number {
  const files = ['', '-wal', '-shm'].map((suffix) => path + suffix).filter((file) => existsSync(file));
  const content = files.map((file) => readFileSync(file, 'latin1')).join('\n');
  return marks[session]!.filter((mark) => content.includes(mark)).length;
}
