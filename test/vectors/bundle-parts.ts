import { createHash } from 'node:crypto';
import { BUNDLE_FILES, BUNDLE_FORMAT, BUNDLE_VERSION, type BundleQuery, contractFileName, type Manifest, manifestHash } from '../../src/audit/bundle-format.ts';
import { canonicalJson } from '../../src/core/canonical.ts';
import type { HeadEntry } from '../../src/core/entry.ts';
import { leafHash, rangeOf, rootOfRange, type Sha256Bytes } from '../../src/core/merkle.ts';
import type { ChainedRecord } from '../../src/core/record.ts';
import { type Checkpoint, checkpointHash, formatCheckpoint, NO_PREVIOUS } from '../../src/signing/checkpoint.ts';
import { userHash } from '../../src/signing/entry.ts';
import type { SigningKey } from '../../src/signing/key.ts';
import { formatNote, signNote } from '../../src/signing/note.ts';
import { CONTRACT_JSON, CONTRACT_SHA256 } from './bundle-contract.ts';
import { ORIGIN } from './bundle-keys.ts';
import { sha256 } from './play.ts';

/** A bundle, before it is files. */
export interface Parts {
  readonly query: BundleQuery;
  /** Lines of each session. */
  readonly sessions: readonly (readonly string[])[];
  /** Null: without a log of logs. */
  readonly tree: { readonly entries: readonly string[]; readonly notes: readonly string[]; readonly keys: readonly SigningKey[] } | null;
  /** Contracts by the SHA-256 that their files are named by. */
  readonly contracts: Readonly<Record<string, string>>;
  /** What the manifest says otherwise than it should, before it is hashed. */
  readonly manifest?: object;
}

/** A bundle's files by their names. */
export type Files = ReadonlyMap<string, Buffer>;

export const THE_CONTRACT: Parts['contracts'] = { [CONTRACT_SHA256]: CONTRACT_JSON };

const sha256Bytes: Sha256Bytes = (data) => createHash('sha256').update(data).digest();

/** Writes a bundle, with a manifest that is right for what it holds. */
export function filesOf({ query, sessions, tree, contracts, manifest: told = {} }: Parts): Files {
  const files = new Map<string, Buffer>();
  const records = sessions.flat();
  files.set(BUNDLE_FILES.records, lines(records));
  if (tree !== null) {
    files.set(BUNDLE_FILES.entries, lines(tree.entries));
    files.set(BUNDLE_FILES.checkpoints, lines(tree.notes.map((note) => canonicalJson({ note }))));
    files.set(BUNDLE_FILES.keys, lines(tree.keys.map(({ verifier }) => verifier.vkey)));
  }
  for (const [hash, contract] of Object.entries(contracts)) files.set(contractFileName(hash), Buffer.from(contract));
  const listed = [...files].map(([name, bytes]) => ({ name, bytes: bytes.length, sha256: hex(bytes) }));
  const manifest: Omit<Manifest, 'hash'> = {
    v: BUNDLE_VERSION,
    format: BUNDLE_FORMAT,
    created: '2026-02-01T08:20:00.000Z',
    aegrail_version: '0.1.0',
    origin: tree === null ? null : ORIGIN,
    query,
    files: listed.sort((a, b) => (a.name < b.name ? -1 : 1)),
    sessions: sessions.length,
    records: records.length,
    entries: tree?.entries.length ?? 0,
    checkpoints: tree?.notes.length ?? 0,
    ...told,
  };
  files.set(BUNDLE_FILES.manifest, lines([canonicalJson({ ...manifest, hash: manifestHash(manifest, sha256) })]));
  return files;
}

/** The head of a session at one of its records: the last one, where nothing else is said. */
export function headOf(session: readonly string[], seq: number = session.length - 1): HeadEntry {
  const [first, record] = [session[0], session[seq]].map((line) => JSON.parse(line ?? 'null') as ChainedRecord);
  if (first === undefined || record === undefined) throw new Error(`there is no record ${seq}`);
  const { session_id, agent_identity, invoking_user, ts, hash, event } = record;
  const ended = event === 'session_ended' || event === 'session_terminated';
  return { v: 1, kind: 'head', session_id, agent_identity, user_sha256: userHash(session_id, invoking_user), started: first.ts, ts, seq, hash, ended };
}

/** One checkpoint that is to be: of how many entries, when, and signed by whom. */
export interface Signing {
  readonly size: number;
  readonly time: string;
  readonly by: SigningKey;
  /** What it says otherwise than it should, before it is signed. */
  readonly told?: Partial<Checkpoint>;
}

/** The signed notes of checkpoints over entries, each with the hash of the one before it. */
export function notesOf(entries: readonly string[], signings: readonly Signing[]): readonly string[] {
  let previous = NO_PREVIOUS;
  return signings.map(({ size, time, by, told }, number) => {
    const checkpoint = { origin: ORIGIN, size, root: rootOf(entries.slice(0, size)), number, time, cadenceSeconds: 120, previous, ...told };
    const text = formatCheckpoint(checkpoint);
    previous = checkpointHash(text);
    return formatNote(text, [signNote(text, by)]);
  });
}

export function rootOf(entries: readonly string[]): string {
  const leaves = entries.map((entry) => leafHash(Buffer.from(entry), sha256Bytes));
  return Buffer.from(rootOfRange(rangeOf(leaves, sha256Bytes), sha256Bytes)).toString('hex');
}

function lines(all: readonly string[]): Buffer {
  return Buffer.from(all.map((line) => `${line}\n`).join(''));
}

function hex(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
