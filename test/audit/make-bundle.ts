import { createHash } from 'node:crypto';
import {
  BUNDLE_FILES,
  BUNDLE_FORMAT,
  BUNDLE_VERSION,
  type BundleQuery,
  contractFileName,
  type Manifest,
  manifestHash,
} from '../../src/audit/bundle-format.ts';
import type { BundleSource } from '../../src/audit/bundle-source.ts';
import { canonicalJson } from '../../src/core/canonical.ts';
import { ENTRY_VERSION, type HeadEntry, type LogEntry } from '../../src/core/entry.ts';
import { leafHash, rangeOf, rootOfRange, type Sha256Bytes } from '../../src/core/merkle.ts';
import type { ChainedRecord } from '../../src/core/record.ts';
import { type Checkpoint, checkpointHash, formatCheckpoint, NO_PREVIOUS } from '../../src/signing/checkpoint.ts';
import { entryText, signEntry, userHash } from '../../src/signing/entry.ts';
import { generateSkey, parseSkey, type SigningKey } from '../../src/signing/key.ts';
import { formatNote, type NoteSignature, signNote } from '../../src/signing/note.ts';
import { CONTRACT_JSON, CONTRACT_SHA256, sha256 } from './priced-session.ts';

/** Bundles, file by file, as docs/AUDIT.md has them: made without the exporter, so that each part can be wrong. */

export const ORIGIN = 'example.com/aegrail';

/** A bundle's files by name. */
export type Files = Map<string, Buffer>;

const sha256Bytes: Sha256Bytes = (data) => createHash('sha256').update(data).digest();

export function newKey(name = ORIGIN): SigningKey {
  return parseSkey(generateSkey(name));
}

/** A log of logs that grows as it is told to. */
export interface TestTree {
  readonly entries: string[];
  /** Whole signed notes. */
  readonly notes: string[];
  readonly vkeys: string[];
  add(entry: LogEntry): void;
  /** The first key, and the one that signs from then on. */
  addKey(key: SigningKey): void;
  rotate(from: SigningKey, to: SigningKey): void;
  revoke(key: SigningKey, by: SigningKey): void;
  /** The head of a session's log up to a line of it. */
  head(lines: readonly string[], seq?: number): void;
  /** Signs the tree as it is. What is given replaces what would be right. */
  checkpoint(key: SigningKey, replaced?: Partial<Checkpoint>, more?: (text: string) => NoteSignature[]): void;
}

export function createTestTree(): TestTree {
  const entries: string[] = [];
  const notes: string[] = [];
  const vkeys: string[] = [];
  let last: { number: number; hash: string; time: string } | null = null;
  const add = (entry: LogEntry): void => void entries.push(entryText(entry));
  const at = '2026-01-31T12:00:00.000Z';
  return {
    entries,
    notes,
    vkeys,
    add,
    addKey(key) {
      vkeys.push(key.verifier.vkey);
      add(signEntry({ v: ENTRY_VERSION, kind: 'key_added', at, key: key.verifier.vkey }, [key]));
    },
    rotate(from, to) {
      vkeys.push(to.verifier.vkey);
      const statement = {
        v: ENTRY_VERSION,
        kind: 'key_rotated',
        at,
        from: from.verifier.vkey,
        to: to.verifier.vkey,
      } as const;
      add(signEntry(statement, [from, to]));
    },
    revoke(key, by) {
      const statement = { v: ENTRY_VERSION, kind: 'key_revoked', at, key: key.verifier.vkey, reason: 'lost' } as const;
      add(signEntry(statement, [by]));
    },
    head: (lines, seq = lines.length - 1) => add(headOf(lines, seq)),
    checkpoint(key, replaced = {}, more = () => []) {
      const number = last === null ? 0 : last.number + 1;
      const checkpoint: Checkpoint = {
        origin: ORIGIN,
        size: entries.length,
        root: rootOf(entries),
        number,
        time: new Date(Date.UTC(2026, 0, 31, 13, number)).toISOString(),
        cadenceSeconds: 60,
        previous: last?.hash ?? NO_PREVIOUS,
        ...replaced,
      };
      const text = formatCheckpoint(checkpoint);
      last = { number: checkpoint.number, hash: checkpointHash(text), time: checkpoint.time };
      notes.push(formatNote(text, [signNote(text, key), ...more(text)]));
    },
  };
}

export function headOf(lines: readonly string[], seq: number): HeadEntry {
  const [first, record] = [lines[0], lines[seq]].map((line) => JSON.parse(line ?? '') as ChainedRecord);
  return {
    v: ENTRY_VERSION,
    kind: 'head',
    session_id: record!.session_id,
    agent_identity: record!.agent_identity,
    user_sha256: userHash(record!.session_id, record!.invoking_user),
    started: first!.ts,
    ts: record!.ts,
    seq,
    hash: record!.hash,
    ended: record!.event === 'session_ended' || record!.event === 'session_terminated',
  };
}

export function rootOf(entries: readonly string[]): string {
  const leaves = entries.map((entry) => leafHash(Buffer.from(entry), sha256Bytes));
  return Buffer.from(rootOfRange(rangeOf(leaves, sha256Bytes), sha256Bytes)).toString('hex');
}

/** A bundle of logs, with a tree or without. */
export function makeBundle(
  logs: readonly (readonly string[])[],
  tree: TestTree | null,
  { query = {}, contracts = true }: { readonly query?: BundleQuery; readonly contracts?: boolean } = {},
): Files {
  const files: Files = new Map();
  files.set(BUNDLE_FILES.records, textOf(logs.flat()));
  if (tree !== null) {
    files.set(BUNDLE_FILES.entries, textOf(tree.entries));
    files.set(BUNDLE_FILES.checkpoints, textOf(tree.notes.map((note) => canonicalJson({ note }))));
    files.set(BUNDLE_FILES.keys, textOf(tree.vkeys));
  }
  if (contracts) files.set(contractFileName(CONTRACT_SHA256), Buffer.from(CONTRACT_JSON));
  return withManifest(files, {
    query,
    origin: tree === null ? null : ORIGIN,
    sessions: logs.length,
    records: logs.flat().length,
    entries: tree?.entries.length ?? 0,
    checkpoints: tree?.notes.length ?? 0,
  });
}

/** The same files with a manifest that fits them: what a forger does, for it needs no key. */
export function withManifest(files: Files, replaced: Partial<Manifest> = {}): Files {
  const old = files.get(BUNDLE_FILES.manifest);
  const others = new Map([...files].filter(([name]) => name !== BUNDLE_FILES.manifest));
  const manifest = {
    v: BUNDLE_VERSION,
    format: BUNDLE_FORMAT,
    created: '2026-01-31T14:00:00.000Z',
    aegrail_version: '0.1.0',
    origin: ORIGIN,
    query: {},
    sessions: 0,
    records: 0,
    entries: 0,
    checkpoints: 0,
    ...(old === undefined ? {} : (JSON.parse(old.toString()) as Manifest)),
    files: Array.from(others, ([name, bytes]) => ({
      name,
      bytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    })).sort((a, b) => (a.name < b.name ? -1 : 1)),
    ...replaced,
  } as const;
  const hash = manifestHash(manifest, sha256);
  others.set(BUNDLE_FILES.manifest, Buffer.from(`${canonicalJson({ ...manifest, hash })}\n`));
  return others;
}

/** A bundle in memory. */
export function memorySource(files: ReadonlyMap<string, Buffer>): BundleSource {
  return {
    list: () =>
      Promise.resolve(Array.from(files, ([name, { length: bytes }]) => ({ name, kind: 'file' as const, bytes }))),
    read: (name) => [files.get(name) ?? Buffer.alloc(0)],
  };
}

export function textOf(lines: readonly string[]): Buffer {
  return Buffer.from(lines.map((line) => `${line}\n`).join(''));
}
