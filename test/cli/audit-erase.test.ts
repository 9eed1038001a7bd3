import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openStore } from '../../src/store/open.ts';
import { verifyTree } from '../notary/kit.ts';
import { sampleSession } from '../suites/sample-session.ts';
import { aegrail, type End, folder } from './kit.ts';

const AGENT = 'agents:\n  bot:\n    model: openai/gpt-5.4-mini\n    limits:\n      usd: 1\n';
const SIGNING = 'signing:\n  origin: example.com/log\n  keys: ./keys\n';

interface Place {
  readonly dir: string;
  readonly url: string;
  readonly run: (...args: string[]) => Promise<End>;
}

/** A folder with a contract file, and a store in it with a session that has ended, one that has not, and a transcript. */
async function place(contract = AGENT + SIGNING): Promise<Place> {
  const dir = folder({ 'aegrail.yaml': `${contract}store: sqlite:store.db\n` });
  const url = `sqlite:${join(dir, 'store.db')}`;
  const store = await openStore(url, dir);
  await store.append('s1', sampleSession('s1', 2));
  await store.append('s2', sampleSession('s2', 2, false));
  await store.putBlob('s1', Buffer.from('the transcript'));
  await store.close();
  const run = (...args: string[]): Promise<End> => aegrail(args, { cwd: dir });
  return { dir, url, run };
}

async function withStore<T>(
  url: string,
  look: (store: Awaited<ReturnType<typeof openStore>>) => Promise<T>,
): Promise<T> {
  const store = await openStore(url, '/');
  try {
    return await look(store);
  } finally {
    await store.close();
  }
}

test('a checkpoint by hand seals every head, and is printed as it is stored', async () => {
  const { url, run } = await place();
  expect((await run('keys', 'new')).code).toBe(0);
  const plain = await run('audit', 'checkpoint');
  expect(plain).toMatchObject({ code: 0, err: 'checkpoint 0, of 3 entries, 3 of them new\n' });
  const json = await run('audit', 'checkpoint', '--json');
  const { note, ...checkpoint } = JSON.parse(json.out) as { note: string };
  expect(json).toMatchObject({ code: 0, err: '' });
  expect(checkpoint).toMatchObject({ origin: 'example.com/log', number: 1, size: 3, cadenceSeconds: 60, appended: 0 });
  await withStore(url, async (store) => {
    expect(await Array.fromAsync(store.tree.checkpoints())).toEqual([plain.out, note]);
    expect(await verifyTree(store)).toHaveLength(2);
  });
});

test('an erasure is recorded and signed, says what it can not reach, and can be done again', async () => {
  const { url, run } = await place();
  await run('keys', 'new');
  const first = await run('audit', 'erase', '--session', 's1', '--reason', 'request 4711');
  expect(first).toMatchObject({
    code: 0,
    out: 's1: 1 blobs (14 bytes) erased, recorded in the log and signed\n',
  });
  expect(first.err).toContain('temporal workflow delete -w s1');
  expect(first.err).toMatch(/Backups.*sinks/);
  const again = await run('audit', 'erase', '--session', 's1', '--reason', 'request 4711', '--json');
  expect(again.code).toBe(0);
  expect(JSON.parse(again.out)).toMatchObject({ session_id: 's1', blobs: 0, bytes: 0, record: 'before' });
  await withStore(url, async (store) => {
    expect(await store.countBlobs('s1')).toEqual({ blobs: 0, bytes: 0 });
    expect(await verifyTree(store)).toHaveLength(2);
  });
});

test.each<[string, readonly string[], number, RegExp]>([
  ['a session without an end', ['--session', 's2', '--reason', 'x'], 1, /log of s2 has no end yet.*aegrail cancel s2/],
  ['a session that nobody knows', ['--session', 's9', '--reason', 'x'], 2, /store has no session s9/],
  ['no reason', ['--session', 's1'], 2, /--reason/],
  ['an empty reason', ['--session', 's1', '--reason', ' '], 2, /text of 1 to 2000 characters/],
])('%s is refused', async (_what, args, code, message) => {
  const { url, run } = await place();
  await run('keys', 'new');
  const end = await run('audit', 'erase', ...args);
  expect(end).toMatchObject({ code, out: '' });
  expect(end.err.replaceAll('\n', ' ')).toMatch(message);
  await withStore(url, async (store) => expect(await store.countBlobs('s1')).toMatchObject({ blobs: 1 }));
});

test('without a signing block both are refused, and the lines to add are shown', async () => {
  const { url, run } = await place(AGENT);
  for (const args of [['checkpoint'], ['erase', '--session', 's1', '--reason', 'x']]) {
    const end = await run('audit', ...args);
    expect(end).toMatchObject({ code: 2, out: '' });
    expect(end.err).toContain('aegrail.yaml has no signing block, so there is no key to sign with');
    for (const line of ['"aegrail keys new"', 'signing:\n', '  origin: example.com/aegrail\n', '  keys: ./keys\n'])
      expect(end.err).toContain(line);
  }
  await withStore(url, async (store) => expect(await store.countBlobs('s1')).toMatchObject({ blobs: 1 }));
});

test('without its key nothing is erased', async () => {
  const { url, run } = await place();
  const end = await run('audit', 'erase', '--session', 's1', '--reason', 'x');
  expect(end).toMatchObject({ code: 2, out: '' });
  expect(end.err).toContain('"aegrail keys new" makes it');
  await withStore(url, async (store) => expect(await store.countBlobs('s1')).toMatchObject({ blobs: 1 }));
});
