import { expect, test } from 'vitest';
import { generateSkey, parseSkey } from '../../src/signing/key.ts';
import { type Keyring, openKeyring } from '../../src/signing/keyring.ts';
import { revokeKey, rotateKey } from '../../src/signing/keyring-write.ts';
import { parseNote } from '../../src/signing/note.ts';
import { sampleSession } from '../suites/sample-session.ts';
import { office, STARTED_MS, verifyTree } from './kit.ts';
import { ORIGIN } from './sample-log.ts';

const VARIABLE = 'LOG_KEY';

/** A keyring as a worker has it whose key is in the environment. */
function fromEnv(skey: string, previous?: string): Keyring {
  return openKeyring({ origin: ORIGIN, keyEnv: VARIABLE }, '/', {
    [VARIABLE]: skey,
    [`${VARIABLE}_PREVIOUS`]: previous,
  });
}

function idOf(skey: string): string {
  return parseSkey(skey).verifier.id;
}

/** Who signed each checkpoint of a store. */
async function signers(notes: AsyncIterable<string>): Promise<string[]> {
  return (await Array.fromAsync(notes)).map((note) => {
    const [{ name, keyHash } = { name: '', keyHash: '' }] = parseNote(note).signatures;
    return `${name}+${keyHash}`;
  });
}

test('a key that is rotated in the folder signs the next checkpoint, and the log says so', async () => {
  const { store, notary: make, keys, clock, entries } = await office();
  const notary = make();
  await store.append('s1', sampleSession('s1', 1));
  await notary.tick();
  const { made, from } = rotateKey(keys, new Date(STARTED_MS + 1));
  expect(await notary.tick()).toMatchObject({ outcome: 'not_due', appended: 1 });
  clock.ms += 60_000;
  expect(await notary.tick()).toMatchObject({ outcome: 'signed' });
  revokeKey(keys, from.id, 'lost', new Date(STARTED_MS + 2));
  await notary.tick({ all: true });
  expect((await entries()).map(({ kind }) => kind)).toEqual(['key_added', 'head', 'key_rotated', 'key_revoked']);
  expect(await signers(store.tree.checkpoints())).toEqual([from.id, made.key.id, made.key.id]);
  await verifyTree(store);
});

test('a key in a variable adds itself; the next one comes in its place, and a worker that has the old one stops signing', async () => {
  const { store, notary, another, clock, entries, said } = await office();
  const [first, second] = [generateSkey(ORIGIN), generateSkey(ORIGIN)];
  const old = notary({ keyring: fromEnv(first) });
  await old.tick();
  const replaced = notary({ keyring: fromEnv(second, first), store: await another() });
  clock.ms += 60_000;
  expect(await replaced.tick()).toMatchObject({ outcome: 'signed', appended: 1 });
  await store.append('s1', sampleSession('s1', 1));
  for (let tick = 0; tick < 5; tick++) {
    clock.ms += 20_000;
    expect((await old.tick({ all: true })).outcome).toBe('not_our_key');
  }
  // Once a minute, and without the words of other workers.
  expect(said).toHaveLength(2);
  expect(said[0]).toContain(`the log's active key is ${idOf(second)}, and the keyring's is ${idOf(first)}`);
  // Heads are not signed, and go in.
  expect((await entries()).map(({ kind }) => kind)).toEqual(['key_added', 'key_rotated', 'head']);
  await replaced.tick();
  expect(await signers(store.tree.checkpoints())).toEqual([first, second, second].map(idOf));
  // Restarted with the old key alone, or the other way round, it is the same: no key comes back.
  expect((await notary({ keyring: fromEnv(first) }).tick({ all: true })).outcome).toBe('not_our_key');
  expect((await notary({ keyring: fromEnv(first, second) }).tick({ all: true })).outcome).toBe('not_our_key');
  await verifyTree(store);
});

test('a new key without the one before it signs nothing', async () => {
  const { store, notary, said } = await office();
  await notary({ keyring: fromEnv(generateSkey(ORIGIN)) }).tick();
  const stranger = notary({ keyring: fromEnv(generateSkey(ORIGIN)) });
  expect(await stranger.tick({ all: true })).toMatchObject({ outcome: 'not_our_key', appended: 0, note: null });
  expect(said.at(-1)).toMatch(/signs nothing until it has that key, or a rotation from it/);
  expect(await verifyTree(store)).toHaveLength(1);
});

test('a folder of another log is refused statement by statement, and told once a minute', async () => {
  const { store, notary, said, clock } = await office();
  await notary({ keyring: fromEnv(generateSkey(ORIGIN)) }).tick();
  const stranger = notary();
  for (let tick = 0; tick < 3; tick++) {
    clock.ms += 29_000;
    expect((await stranger.tick({ all: true })).outcome).toBe('not_our_key');
  }
  expect(said.filter((line) => line.includes('a second key_added'))).toHaveLength(1);
  expect(await store.tree.size()).toBe(1);
});

test('workers that start together with one key add it once', async () => {
  const { store, notary, another, entries } = await office();
  const skey = generateSkey(ORIGIN);
  const stores = [store, await another(), await another()];
  const notaries = stores.map((own) => notary({ keyring: fromEnv(skey), store: own }));
  const outcomes = await Promise.all(notaries.map((each) => each.tick()));
  expect(outcomes.map(({ outcome }) => outcome)).toContain('signed');
  expect((await entries()).map(({ kind }) => kind)).toEqual(['key_added']);
  await verifyTree(store);
});

test('a key that moved from a variable to a folder says nothing twice', async () => {
  const { store, notary, keys, said, entries } = await office();
  const folder = openKeyring({ origin: ORIGIN, keys }, '/', {});
  await notary({ keyring: { ...folder, statements: () => [] } }).tick();
  expect(await notary({ keyring: folder }).tick({ all: true })).toMatchObject({ outcome: 'signed', appended: 0 });
  expect(await entries()).toHaveLength(1);
  expect(said).toEqual([]);
  await verifyTree(store);
});

test('an entry that verifiers would not take does not get into the tree', async () => {
  const { store, notary: make, entries } = await office();
  const notary = make();
  await notary.tick();
  const [added] = await entries();
  await expect(notary.record(async () => added!)).rejects.toMatchObject({
    code: 'LOG_INVALID',
    message: expect.stringContaining('a second key_added'),
  });
  await expect(notary.record(async () => ({ ...added!, at: 'today' }) as typeof added & object)).rejects.toThrow(
    /no entry: at is not a time/,
  );
  expect(await store.tree.size()).toBe(1);
  expect(await notary.record(async () => null)).toBe(false);
  await verifyTree(store);
});
