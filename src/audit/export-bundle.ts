import { createHash } from 'node:crypto';
import { mkdir, readdir } from 'node:fs/promises';
import { canonicalJson } from '../core/canonical.ts';
import type { Sha256 } from '../core/chain.ts';
import { AegrailError } from '../core/errors.ts';
import { isHex64 } from '../core/hex64.ts';
import type { AuditRecord } from '../core/record.ts';
import { contractNamedBy } from '../core/stored-log.ts';
import { AEGRAIL_VERSION } from '../protocol.ts';
import {
  BUNDLE_FILES,
  BUNDLE_FORMAT,
  BUNDLE_VERSION,
  type BundleFile,
  CONTRACTS_FOLDER,
  contractFileName,
  type Manifest,
  manifestHash,
} from './bundle-format.ts';
import { type BundleWriter, createBundleWriter } from './bundle-writer.ts';
import { checkpointBefore, checkpointNotes, keysOf, lastCheckpoint, type StoredCheckpoint } from './export-tree.ts';
import type { OnBlock } from './line-file.ts';
import { makeWhole } from './partial.ts';
import { firstSession, type Selection, selectedLines } from './selected.ts';

/** A bundle that is to be. */
export interface BundleOrder extends Selection {
  /** Absolute path of the folder: empty, or not there yet. */
  readonly folder: string;
  /** The time, as records have it. */
  readonly created: string;
  readonly onRecord: () => void;
  readonly onBlock: OnBlock;
  /** Aborted to give up: nothing is left then. */
  readonly stop: AbortSignal;
}

/** A bundle that is. */
export interface ExportedBundle {
  readonly manifest: Manifest;
  /** Contracts (SHA-256, hex) that the records name and the store does not have. */
  readonly missingContracts: readonly string[];
}

interface Counts {
  readonly sessions: number;
  readonly records: number;
  readonly contracts: ReadonlySet<string>;
}

const sha256: Sha256 = (text) => createHash('sha256').update(text).digest('hex');

/**
 * Writes a bundle: docs/AUDIT.md has its form. Constant memory, and consistent while others append: the last checkpoint
 * is read first, then the entries under it, then the records. So each record that an entry commits to is there.
 *
 * @throws AegrailError SESSION_UNKNOWN when no session is selected; CONFIG_INVALID when the folder is not empty; the
 *   store's and the file system's errors; what `stop` was aborted with. The folder is then as it was before.
 */
export async function exportBundle(order: BundleOrder): Promise<ExportedBundle> {
  await refuseFull(order.folder);
  const last = await lastCheckpoint(order.store.tree);
  const { started } = await firstSession(order);
  return makeWhole(order.folder, async (partial) => {
    await mkdir(partial);
    const writer = createBundleWriter(partial, order.onBlock, order.stop);
    const tree = last === null ? { entries: 0, checkpoints: 0 } : await writeTree(order, writer, last, started);
    const { contracts, ...counts } = await writeRecords(order, writer);
    const missingContracts = await writeContracts(order, writer, contracts);
    const manifest = manifestOf(order, last?.checkpoint.origin ?? null, writer.files(), { ...counts, ...tree });
    await writer.bytes(BUNDLE_FILES.manifest, `${canonicalJson(manifest)}\n`);
    return { manifest, missingContracts };
  });
}

/** @throws AegrailError CONFIG_INVALID when there is something at the path that is not an empty folder */
async function refuseFull(folder: string): Promise<void> {
  const isThere = await readdir(folder).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return null;
    if (thrown.code !== 'ENOTDIR') throw thrown;
    throw new AegrailError(
      'CONFIG_INVALID',
      `${folder} is a file: a bundle is a folder, name one that is not there yet`,
    );
  });
  if (isThere === null || isThere.length === 0) return;
  throw new AegrailError('CONFIG_INVALID', `${folder} is not empty: a bundle needs a folder of its own`);
}

async function writeTree(
  { store: { tree }, query }: BundleOrder,
  writer: BundleWriter,
  last: StoredCheckpoint,
  started: string,
): Promise<{ readonly entries: number; readonly checkpoints: number }> {
  const { size, number } = last.checkpoint;
  const keys = new Set<string>();
  const entries = await writer.lines(BUNDLE_FILES.entries, withKeys(tree.entries(0, size), keys));
  const from = query.since === undefined ? 0 : await checkpointBefore(tree, number, started);
  const checkpoints = await writer.lines(BUNDLE_FILES.checkpoints, noteLines(checkpointNotes(tree, from, number)));
  await writer.bytes(BUNDLE_FILES.keys, [...keys].map((key) => `${key}\n`).join(''));
  return { entries, checkpoints };
}

/** The entries, while the keys that they name are added to a set. */
async function* withKeys(entries: AsyncIterable<string>, keys: Set<string>): AsyncGenerator<string, void, undefined> {
  for await (const entry of entries) {
    for (const key of keysOf(entry)) keys.add(key);
    yield entry;
  }
}

async function* noteLines(notes: AsyncIterable<string>): AsyncGenerator<string, void, undefined> {
  for await (const note of notes) yield canonicalJson({ note });
}

async function writeRecords(order: BundleOrder, writer: BundleWriter): Promise<Counts> {
  const contracts = new Set<string>();
  let sessions = 0;
  const lines = selectedLines(order, {
    onSession() {
      sessions += 1;
    },
    onLine(line) {
      order.onRecord();
      const contract = NAMES_CONTRACT.test(line) ? contractOf(line) : null;
      if (contract !== null) contracts.add(contract);
    },
  });
  const records = await writer.lines(BUNDLE_FILES.records, lines);
  return { sessions, records, contracts };
}

/** What a line has whose record may name a contract: most are not parsed for it. */
const NAMES_CONTRACT = /"event":"(?:session_started|contract_migrated)"/;

/** The contract that a record names, if any. It becomes a file's name: nothing but a SHA-256 will do. */
function contractOf(line: string): string | null {
  const sha: unknown = contractNamedBy(JSON.parse(line) as AuditRecord);
  return isHex64(sha) ? sha : null;
}

async function writeContracts(
  { store }: BundleOrder,
  writer: BundleWriter,
  contracts: ReadonlySet<string>,
): Promise<readonly string[]> {
  const missing: string[] = [];
  if (contracts.size > 0) await writer.folder(CONTRACTS_FOLDER);
  for (const contract of contracts) {
    const json = await store.getContract(contract);
    if (json === null) missing.push(contract);
    else await writer.bytes(contractFileName(contract), json);
  }
  return missing;
}

function manifestOf(
  { created, query }: BundleOrder,
  origin: string | null,
  files: readonly BundleFile[],
  counts: Pick<Manifest, 'sessions' | 'records' | 'entries' | 'checkpoints'>,
): Manifest {
  const manifest = {
    v: BUNDLE_VERSION,
    format: BUNDLE_FORMAT,
    created,
    aegrail_version: AEGRAIL_VERSION,
    origin,
    query,
    files: files.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    ...counts,
  } as const;
  return { ...manifest, hash: manifestHash(manifest, sha256) };
}
