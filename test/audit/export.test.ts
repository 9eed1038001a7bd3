import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { BundleQuery } from '../../src/audit/bundle-format.ts';
import { exportBundle } from '../../src/audit/export-bundle.ts';
import { readLines } from '../../src/audit/lines.ts';
import type { ExportStore } from '../../src/audit/selected.ts';
import { verifyLog } from '../../src/audit/verify.ts';
import { canonicalJson } from '../../src/core/canonical.ts';
import { appendHash, emptyRange, leafHash, rootOfRange } from '../../src/core/merkle.ts';
import { checkpointHash, parseCheckpoint } from '../../src/signing/checkpoint.ts';
import { signEntry } from '../../src/signing/entry.ts';
import { generateSkey, parseSkey, parseVkey } from '../../src/signing/key.ts';
import { isSignedBy, parseNote } from '../../src/signing/note.ts';
import type { Store } from '../../src/store/store.ts';
import { all, beginTree, emptyStore, headOf, hex, linesOf, ORIGIN, sha256Bytes } from './export-kit.ts';
import { CREATED, DAY_MS, fill, JANUARY, order, readBundle, SAMPLES, sessionsIn } from './export-orders.ts';

describe('a bundle without signing', () => {
  test('of one session has its lines as they are stored', async () => {
    const store = emptyStore();
    await fill(store);
    const task = order(store, { session: 'second' });
    const { manifest } = await exportBundle(task);
    expect(readBundle(task.folder)).toEqual(manifest);
    expect(manifest).toMatchObject({
      v: 1,
      format: 'aegrail-bundle',
      created: CREATED,
      origin: null,
      query: { session: 'second' },
      sessions: 1,
      records: 6,
      entries: 0,
      checkpoints: 0,
    });
    expect(manifest.files.map(({ name }) => name)).toEqual(['records.jsonl']);
    expect(linesOf(join(task.folder, 'records.jsonl'))).toEqual(await all(store.lines('second')));
    expect(await verifyLog(readLines(join(task.folder, 'records.jsonl')), {})).toMatchObject({ ok: true, records: 6 });
  });

  test.each<[BundleQuery, string[]]>([
    [{}, ['first', 'second', 'third']],
    [{ agent: 'bot' }, ['first', 'second']],
    [{ agent: 'bot/v2' }, ['second']],
    [{ user: 'ann@acme.com' }, ['first', 'third']],
    [{ since: '2026-01-02T00:00:05.000Z' }, ['second', 'third']],
    [{ since: '2026-01-02T00:00:05.001Z' }, ['third']],
    [{ until: '2026-01-02T00:00:00.000Z' }, ['first']],
    [{ until: '2026-01-02T00:00:00.001Z' }, ['first', 'second']],
    [{ since: '2026-01-01T12:00:00.000Z', until: '2026-01-02T12:00:00.000Z' }, ['second']],
    [{ agent: 'bot', user: 'ann@acme.com', until: '2026-02-01T00:00:00.000Z' }, ['first']],
  ])('%j selects %j, by start', async (query, expected) => {
    const store = emptyStore();
    await fill(store);
    const task = order(store, query);
    const { manifest } = await exportBundle(task);
    readBundle(task.folder);
    expect(sessionsIn(task.folder)).toEqual(expected);
    expect(manifest).toMatchObject({ query, sessions: expected.length });
  });

  test('of a session and all below it has those that its id begins, and is refused when there are none', async () => {
    const store = emptyStore();
    const ids = ['s', 's.2', 's.2.10', 's-2', 's2', 'x.s.2'];
    await fill(
      store,
      ids.map((id, day) => ({ id, startMs: JANUARY + day * DAY_MS, calls: 1 })),
    );
    const exported = async (query: BundleQuery): Promise<string[]> => {
      const task = order(store, query);
      expect(await exportBundle(task)).toMatchObject({ manifest: { query } });
      readBundle(task.folder);
      return sessionsIn(task.folder);
    };
    expect(await exported({ session: 's', below: true })).toEqual(['s', 's.2', 's.2.10']);
    expect(await exported({ session: 's.2', below: true })).toEqual(['s.2', 's.2.10']);
    expect(await exported({ session: 's', below: true, since: '2026-01-02T00:00:00.000Z' })).toEqual(['s.2', 's.2.10']);
    expect(await exported({ session: 's', below: true, until: '2026-01-02T00:00:00.001Z' })).toEqual(['s', 's.2']);
    const none = exportBundle(order(store, { session: 'gone', below: true, agent: 'bot' }));
    await expect(none).rejects.toThrow('The store has no session gone, nor one below it of agent bot.');
  });

  test('has lines longer than what is written at once', async () => {
    const store = emptyStore();
    await fill(store, [{ id: 'wide', startMs: JANUARY, calls: 1, user: 'ü🙂'.repeat(100_000) }]);
    const task = order(store, {});
    await exportBundle(task);
    readBundle(task.folder);
    expect(linesOf(join(task.folder, 'records.jsonl'))).toEqual(await all(store.lines('wide')));
  });

  test('of nothing is refused, in words', async () => {
    const store = emptyStore();
    await fill(store);
    const task = order(store, { session: 'gone', agent: 'bot', until: '2026-01-01T00:00:00.000Z' });
    await expect(exportBundle(task)).rejects.toMatchObject({
      code: 'SESSION_UNKNOWN',
      message: 'The store has no session gone of agent bot and that started before 2026-01-01T00:00:00.000Z.',
    });
    expect(existsSync(task.folder)).toBe(false);
  });

  test('has each contract once, and says which ones the store does not have', async () => {
    const store = emptyStore();
    const contract = await store.putContract(canonicalJson({ format: 1, agent: 'bot' }));
    const gone = 'f'.repeat(64);
    await fill(store, [
      { id: 'a', startMs: JANUARY, calls: 0, contract },
      { id: 'b', startMs: JANUARY + 1, calls: 0, contract },
      { id: 'c', startMs: JANUARY + 2, calls: 0, contract: gone },
      { id: 'd', startMs: JANUARY + 3, calls: 0, contract: '../../../etc/passwd' },
    ]);
    const task = order(store, {});
    const { missingContracts } = await exportBundle(task);
    expect(missingContracts).toEqual([gone]);
    readBundle(task.folder);
    expect(readdirSync(join(task.folder, 'contracts'))).toEqual([`${contract}.json`]);
    expect(hex(readFileSync(join(task.folder, 'contracts', `${contract}.json`)))).toBe(contract);
  });
});

describe('a bundle with checkpoints', () => {
  /** A sealed store: a checkpoint at the beginning of each day, each session's head after its end, a rotated key. */
  async function sealed(): Promise<{ store: Store; keys: string[] }> {
    const store = emptyStore();
    const sealer = await beginTree(store);
    const next = parseSkey(generateSkey(ORIGIN));
    for (const [day, sample] of SAMPLES.toSorted((a, b) => a.startMs - b.startMs).entries()) {
      await sealer.checkpoint(new Date(JANUARY + day * DAY_MS).toISOString());
      await fill(store, [sample]);
      await sealer.add(await headOf(store, sample.id));
    }
    await sealer.checkpoint('2026-01-04T00:00:00.000Z');
    const { vkey: from } = sealer.key.verifier;
    const { vkey: to } = next.verifier;
    await sealer.add(
      signEntry({ v: 1, kind: 'key_rotated', at: '2026-01-04T00:00:00.000Z', from, to }, [sealer.key, next]),
    );
    await sealer.checkpoint('2026-01-05T00:00:00.000Z');
    return { store, keys: [from, to] };
  }

  function checkpointsIn(folder: string) {
    return linesOf(join(folder, 'checkpoints.jsonl')).map((line) => {
      const note = parseNote((JSON.parse(line) as { note: string }).note);
      return { note, checkpoint: parseCheckpoint(note.text) };
    });
  }

  test('has all entries under the last checkpoint, all checkpoints, and the keys', async () => {
    const { store, keys } = await sealed();
    const task = order(store, { agent: 'bot' });
    const { manifest } = await exportBundle(task);
    readBundle(task.folder);
    expect(manifest).toMatchObject({ origin: ORIGIN, sessions: 2, entries: 5, checkpoints: 5 });
    expect(readFileSync(join(task.folder, 'keys.txt'), 'utf8')).toBe(`${keys.join('\n')}\n`);
    const checkpoints = checkpointsIn(task.folder);
    expect(checkpoints.map(({ checkpoint }) => checkpoint.number)).toEqual([0, 1, 2, 3, 4]);
    const key = parseVkey(keys[0] ?? '');
    for (const { note } of checkpoints) expect(isSignedBy(note, key)).toBe(true);
    for (const [index, { checkpoint }] of checkpoints.entries()) {
      const before = checkpoints[index - 1];
      if (before) expect(checkpoint.previous).toBe(checkpointHash(before.note.text));
    }
    let range = emptyRange();
    for (const entry of linesOf(join(task.folder, 'entries.jsonl')))
      range = appendHash(range, leafHash(Buffer.from(entry), sha256Bytes), sha256Bytes);
    expect(Buffer.from(rootOfRange(range, sha256Bytes)).toString('hex')).toBe(checkpoints.at(-1)?.checkpoint.root);
  });

  test.each([
    ['2026-01-02T00:00:00.000Z', [1, 2, 3, 4]],
    ['2026-01-03T00:00:00.000Z', [2, 3, 4]],
    ['2025-12-31T00:00:00.000Z', [0, 1, 2, 3, 4]],
  ])('since %s begins at the last checkpoint before its first session', async (since, numbers) => {
    const { store } = await sealed();
    const task = order(store, { since });
    await exportBundle(task);
    expect(checkpointsIn(task.folder).map(({ checkpoint }) => checkpoint.number)).toEqual(numbers);
  });

  test('has no entry above the last checkpoint', async () => {
    const { store } = await sealed();
    const size = await store.tree.size();
    const head = canonicalJson(await headOf(store, 'first'));
    expect(await store.tree.append(size, [head], [])).toBe(true);
    const task = order(store, {});
    const { manifest } = await exportBundle(task);
    expect(manifest.entries).toBe(size);
    expect(linesOf(join(task.folder, 'entries.jsonl'))).toHaveLength(size);
  });

  test('is consistent while others append: what an entry commits to is there', async () => {
    const store = emptyStore();
    const sealer = await beginTree(store);
    await fill(store);
    for (const { id } of SAMPLES) await sealer.add(await headOf(store, id));
    await sealer.checkpoint('2026-01-04T00:00:00.000Z');
    let added = 0;
    /** A whole session, its head and a checkpoint, between any two reads of the export. */
    const intrude = async (): Promise<void> => {
      const id = `late-${added++}`;
      await fill(store, [{ id, startMs: JANUARY + 10 * DAY_MS + added, calls: 1 }]);
      await sealer.add(await headOf(store, id));
      await sealer.checkpoint('2026-01-05T00:00:00.000Z');
    };
    const task = order(intrudedOn(store, intrude), {});
    const { manifest } = await exportBundle(task);
    expect(added).toBeGreaterThan(3);
    readBundle(task.folder);
    expect(manifest).toMatchObject({ entries: 4, checkpoints: 1 });
    const records = new Set(
      linesOf(join(task.folder, 'records.jsonl')).map((line) => (JSON.parse(line) as { hash: string }).hash),
    );
    const heads = linesOf(join(task.folder, 'entries.jsonl')).map(
      (line) => JSON.parse(line) as { kind: string; hash: string },
    );
    for (const head of heads.filter(({ kind }) => kind === 'head')) expect(records).toContain(head.hash);
    expect(await verifyLog(readLines(join(task.folder, 'records.jsonl')), {})).toMatchObject({ ok: true });
  });

  /** The same store, on which something happens before each thing that it gives. */
  function intrudedOn(store: Store, intrude: () => Promise<void>): ExportStore {
    async function* watched<T>(values: AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
      let left = 2;
      for await (const value of values) {
        if (left-- > 0) await intrude();
        yield value;
      }
    }
    const { tree } = store;
    return {
      sessions: (query) => watched(store.sessions(query)),
      lines: (id, from) => watched(store.lines(id, from)),
      getContract: (sha256) => store.getContract(sha256),
      tree: {
        ...tree,
        entries: (from, to) => watched(tree.entries(from, to)),
        checkpoints: (from) => watched(tree.checkpoints(from)),
      },
    };
  }
});
