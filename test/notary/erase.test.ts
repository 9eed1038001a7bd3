import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { verifyLog } from '../../src/audit/verify.ts';
import { eraseSession } from '../../src/notary/erase.ts';
import type { Notary } from '../../src/notary/notary.ts';
import { generateSkey } from '../../src/signing/key.ts';
import { openKeyring } from '../../src/signing/keyring.ts';
import type { Store } from '../../src/store/store.ts';
import { startPostgres } from '../harness/postgres.ts';
import { sampleSession } from '../suites/sample-session.ts';
import { resetAt } from '../suites/store-end.ts';
import { office, type Office, verifyTree } from './kit.ts';
import { longSession, ORIGIN } from './sample-log.ts';

const SECRET = 'My card is 4111-1111-1111-1111';
const ORDER = { sessionId: 's1', reason: 'request 4711' };

/** An office with a session that has ended, and two blobs of it. */
async function withSession(url?: string): Promise<Office> {
  const here = await office(url);
  await here.store.append('s1', sampleSession('s1', 2));
  for (const text of [SECRET, `${SECRET}, once more`]) await here.store.putBlob('s1', Buffer.from(text));
  await here.store.putBlob('s2', Buffer.from('of another'));
  return here;
}

function eraser({ store, clock }: Office, notary: Pick<Notary, 'record' | 'tick'>, own: Store = store) {
  return { store: own, notary, now: () => clock.ms };
}

/** Whether the text is anywhere in the database's files. */
function isOnDisk({ dir }: Office, text: string): boolean {
  const files = readdirSync(dir).filter((file) => file.startsWith('store.db'));
  expect(files).toContain('store.db');
  return files.some((file) => readFileSync(join(dir, file)).includes(text));
}

test('what was said is gone from the files, the log says so, signed, and everything verifies as before', async () => {
  const here = await withSession();
  const { store, notary: make, entries } = here;
  const notary = make();
  await notary.tick();
  const lines = await Array.fromAsync(store.lines('s1'));
  expect(isOnDisk(here, SECRET)).toBe(true);
  const bytes = 2 * SECRET.length + ', once more'.length;
  expect(await eraseSession(eraser(here, notary), ORDER)).toMatchObject({ blobs: 2, bytes, record: 'recorded' });
  expect(isOnDisk(here, SECRET)).toBe(false);
  expect(await store.countBlobs('s1')).toEqual({ blobs: 0, bytes: 0 });
  expect(await store.countBlobs('s2')).toEqual({ blobs: 1, bytes: 10 });
  expect(await Array.fromAsync(store.lines('s1'))).toEqual(lines);
  expect(await verifyLog(lines)).toMatchObject({ ok: true });
  const erasure = { kind: 'erasure', session_id: 's1', reason: 'request 4711', blobs: 2, bytes };
  expect((await entries()).at(-1)).toMatchObject(erasure);
  expect((await verifyTree(store)).at(-1)!.size).toBe(3);
});

test('done again it adds nothing to the log', async () => {
  const here = await withSession();
  const notary = here.notary();
  await eraseSession(eraser(here, notary), ORDER);
  const size = await here.store.tree.size();
  expect(await eraseSession(eraser(here, notary), ORDER)).toMatchObject({ blobs: 0, bytes: 0, record: 'before' });
  expect(await here.store.tree.size()).toBe(size);
  await verifyTree(here.store);
});

test('one that was interrupted after its entry is finished without a second one', async () => {
  const here = await withSession();
  const broken = { ...here.store, eraseBlobs: () => Promise.reject(new Error('power cut')) };
  await expect(eraseSession(eraser(here, here.notary(), broken), ORDER)).rejects.toThrow('power cut');
  const size = await here.store.tree.size();
  expect(isOnDisk(here, SECRET)).toBe(true);
  expect(await eraseSession(eraser(here, here.notary()), ORDER)).toMatchObject({ blobs: 2, record: 'before' });
  expect(isOnDisk(here, SECRET)).toBe(false);
  // The head of the session came with the checkpoint.
  expect((await here.entries()).slice(size).map(({ kind }) => kind)).toEqual(['head']);
  expect((await verifyTree(here.store)).at(-1)!.size).toBe(size + 1);
});

test('what comes late is refused from then on, also where there was nothing to erase', async () => {
  const here = await withSession();
  await here.store.append('s3', sampleSession('s3', 1));
  const notary = here.notary();
  for (const sessionId of ['s1', 's3']) {
    await eraseSession(eraser(here, notary), { ...ORDER, sessionId });
    await expect(here.store.putBlob(sessionId, Buffer.from(SECRET))).rejects.toMatchObject({ code: 'SESSION_ENDED' });
  }
  expect(isOnDisk(here, SECRET)).toBe(false);
});

test('what a session that was reset got after its first erasure is erased by another', async () => {
  const here = await withSession();
  const notary = here.notary();
  await eraseSession(eraser(here, notary), ORDER);
  const records = sampleSession('s1', 2);
  await here.store.append('s1', [resetAt(records.length)]);
  await here.store.putBlob('s1', Buffer.from('more'));
  await here.store.append('s1', [{ ...records.at(-1)!, seq: records.length + 1 }]);
  expect(await eraseSession(eraser(here, notary), ORDER)).toMatchObject({ blobs: 1, bytes: 4, record: 'recorded' });
  expect((await here.entries()).filter(({ kind }) => kind === 'erasure')).toHaveLength(2);
  await verifyTree(here.store);
});

test('a session that has no bytes leaves no record of an erasure', async () => {
  const here = await office();
  await here.store.append('s1', sampleSession('s1', 1));
  expect(await eraseSession(eraser(here, here.notary()), ORDER)).toEqual({
    blobs: 0,
    bytes: 0,
    record: 'nothing',
    tick: null,
  });
  expect((await here.entries()).map(({ kind }) => kind)).toEqual(['key_added']);
});

test('a session that has no end, or that nobody knows, is refused', async () => {
  const here = await office();
  await here.store.append('s1', longSession('s1', 5));
  await here.store.putBlob('s1', Buffer.from(SECRET));
  await expect(eraseSession(eraser(here, here.notary()), ORDER)).rejects.toMatchObject({
    code: 'SESSION_OPEN',
    message: expect.stringMatching(/"aegrail cancel s1".*"aegrail audit reconcile"/),
  });
  const other = { ...ORDER, sessionId: 's9' };
  await expect(eraseSession(eraser(here, here.notary()), other)).rejects.toMatchObject({ code: 'SESSION_UNKNOWN' });
  expect(await here.store.countBlobs('s1')).toMatchObject({ blobs: 1 });
  expect(await here.store.tree.size()).toBe(0);
});

test("with a key that is not the log's nothing is erased", async () => {
  const here = await withSession();
  await here.notary().tick();
  const keyring = openKeyring({ origin: ORIGIN, keyEnv: 'KEY' }, '/', { KEY: generateSkey(ORIGIN) });
  const strange = here.notary({ keyring });
  await expect(eraseSession(eraser(here, strange), ORDER)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  expect(await here.store.countBlobs('s1')).toMatchObject({ blobs: 2 });
});

test('two that erase at the same time make one entry', async () => {
  const here = await withSession();
  const other = await here.another();
  await Promise.all([
    eraseSession(eraser(here, here.notary()), ORDER),
    eraseSession(eraser(here, here.notary({ store: other }), other), ORDER),
  ]);
  expect((await here.entries()).filter(({ kind }) => kind === 'erasure')).toHaveLength(1);
  await verifyTree(here.store);
});

test('on PostgreSQL it is the same', async () => {
  const postgres = await startPostgres();
  try {
    const here = await withSession(postgres.url());
    const bytes = 2 * SECRET.length + ', once more'.length;
    expect(await eraseSession(eraser(here, here.notary()), ORDER)).toMatchObject({ blobs: 2, bytes });
    expect(await here.store.countBlobs('s1')).toEqual({ blobs: 0, bytes: 0 });
    expect(await here.store.countBlobs('s2')).toEqual({ blobs: 1, bytes: 10 });
    await verifyTree(here.store);
    await here.store.close();
  } finally {
    await postgres.dispose();
  }
});
