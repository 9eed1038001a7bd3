import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import type { LogEntry } from '../../src/core/entry.ts';
import { createNotary, type Notary, type NotaryOptions } from '../../src/notary/notary.ts';
import { createKeyHistory } from '../../src/signing/key-history.ts';
import { type Checkpoint, checkpointHash, parseCheckpoint } from '../../src/signing/checkpoint.ts';
import { openKeyring } from '../../src/signing/keyring.ts';
import { createKeyring } from '../../src/signing/keyring-write.ts';
import { parseNote } from '../../src/signing/note.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { naiveRoot } from './naive-tree.ts';
import { ORIGIN } from './sample-log.ts';

/** `ts` of a sample session's first record, in milliseconds. */
export const STARTED_MS = 1_790_000_000_000;

/** A folder with a keyring, a store of its own, and a clock that tests set. */
export interface Office {
  readonly dir: string;
  readonly keys: string;
  readonly url: string;
  readonly store: Store;
  readonly clock: { ms: number };
  /** What notaries said, a line each. */
  readonly said: string[];
  readonly published: string[];
  /** A notary, on the office's store unless another is named. */
  readonly notary: (options?: Partial<NotaryOptions>) => Notary;
  /** Another connection to the same store. */
  readonly another: () => Promise<Store>;
  readonly entries: () => Promise<LogEntry[]>;
}

/** Makes an office that goes away with the test. */
export async function office(url?: string): Promise<Office> {
  const dir = mkdtempSync(join(tmpdir(), 'aegrail-notary-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const keys = join(dir, 'keys');
  createKeyring(keys, ORIGIN, new Date(STARTED_MS));
  const storeUrl = url ?? `sqlite:${join(dir, 'store.db')}`;
  const open = async (): Promise<Store> => {
    const store = await openStore(storeUrl, '/');
    onTestFinished(() => store.close());
    return store;
  };
  const store = await open();
  const clock = { ms: STARTED_MS };
  const said: string[] = [];
  const published: string[] = [];
  const say = (_fields: unknown, message: string): void => void said.push(message);
  return {
    dir,
    keys,
    url: storeUrl,
    store,
    clock,
    said,
    published,
    notary: (options = {}) =>
      createNotary({
        store,
        keyring: openKeyring({ origin: ORIGIN, keys }, dir, {}),
        cadenceSeconds: 60,
        witnesses: [],
        publish: (note) => void published.push(note),
        logger: { warn: say, error: say },
        now: () => clock.ms,
        ...options,
      }),
    another: open,
    entries: () => entriesOf(store),
  };
}

/** All entries of a store's tree. */
export async function entriesOf(store: Store): Promise<LogEntry[]> {
  return (await Array.fromAsync(store.tree.entries(0))).map((text) => JSON.parse(text) as LogEntry);
}

/** The sequence numbers of a session's heads, in the order of the tree. */
export async function headSeqs(store: Store, sessionId: string): Promise<number[]> {
  const entries = await entriesOf(store);
  return entries.flatMap((entry) => (entry.kind === 'head' && entry.session_id === sessionId ? [entry.seq] : []));
}

/**
 * Verifies a store's log of logs with nothing of the notary's: each checkpoint's root from all entries, links, times, the
 * key of its place, and that each session's heads are those of its records, none of them twice.
 */
export async function verifyTree(store: Store): Promise<Checkpoint[]> {
  const texts = await Array.fromAsync(store.tree.entries(0));
  const history = createKeyHistory();
  for (const text of texts) expect(history.take(JSON.parse(text) as LogEntry)).toBeNull();
  expect(new Set(texts).size).toBe(texts.length);
  await verifyHeads(store);
  const checkpoints: Checkpoint[] = [];
  let previous = '0'.repeat(64);
  for await (const signed of store.tree.checkpoints()) {
    const note = parseNote(signed);
    const checkpoint = parseCheckpoint(note.text);
    const before = checkpoints.at(-1);
    expect(checkpoint).toMatchObject({ origin: ORIGIN, number: checkpoints.length, previous });
    expect(checkpoint.root).toBe(naiveRoot(texts.slice(0, checkpoint.size)).toString('hex'));
    expect(checkpoint.size).toBeGreaterThanOrEqual(before?.size ?? 1);
    expect(checkpoint.time >= (before?.time ?? '')).toBe(true);
    expect(history.checkNote(note, checkpoint.size)).toBeNull();
    previous = checkpointHash(note.text);
    checkpoints.push(checkpoint);
  }
  return checkpoints;
}

async function verifyHeads(store: Store): Promise<void> {
  const last = new Map<string, number>();
  for (const entry of await entriesOf(store)) {
    if (entry.kind !== 'head') continue;
    const { session_id, seq, hash, ts } = entry;
    expect(seq).toBeGreaterThan(last.get(session_id) ?? -1);
    last.set(session_id, seq);
    expect(await store.record(session_id, seq)).toMatchObject({ hash, ts });
  }
}
