import { canonicalJson } from '../core/canonical.ts';
import type { Sha256 } from '../core/chain.ts';

/**
 * The form of a bundle: a folder with what an auditor needs to check sessions without a store, a server or our code.
 * docs/AUDIT.md specifies it.
 */

/** `v` of a manifest. */
export const BUNDLE_VERSION = 1;

/** `format` of a manifest. */
export const BUNDLE_FORMAT = 'aegrail-bundle';

/** A bundle's files. There are no others, but those of {@link contractFileName}. */
export const BUNDLE_FILES = {
  manifest: 'manifest.json',
  /** The log: a record a line, session after session, by start. */
  records: 'records.jsonl',
  /** All entries of the tree, from 0, up to the size of the last checkpoint: one a line, in canonical form. */
  entries: 'entries.jsonl',
  /** A {@link CheckpointLine} a line, with contiguous numbers. */
  checkpoints: 'checkpoints.jsonl',
  /** Verifier keys (vkeys), one a line, as entries name them. For convenience: they prove nothing by themselves. */
  keys: 'keys.txt',
} as const;

/** Folder of the contracts: `contracts/<sha256>.json` each, canonical JSON without LF, so that the name is the file's SHA-256. */
export const CONTRACTS_FOLDER = 'contracts';

/** What a file of {@link CONTRACTS_FOLDER} is named as; the first group is the SHA-256. */
export const CONTRACT_FILE_NAME = /^contracts\/([0-9a-f]{64})\.json$/;

/** The largest manifest that is read: a hundred thousand contracts. */
export const MAX_MANIFEST_BYTES = 16 * 1024 * 1024;

/** The largest contract that is read. */
export const MAX_CONTRACT_BYTES = 64 * 1024 * 1024;

/** The largest `keys.txt` that is read. */
export const MAX_KEYS_BYTES = 1024 * 1024;

/** One file of a bundle. */
export interface BundleFile {
  /** Relative to the bundle, with slashes. */
  readonly name: string;
  readonly bytes: number;
  /** Hex. */
  readonly sha256: string;
}

/** Which sessions a bundle holds; `{}` is all of them. Members are there when they select. Times as records have them. */
export interface BundleQuery {
  readonly session?: string;
  /** Only with `session`: that one, and all below it: {@link isOfSession}. */
  readonly below?: true;
  /** Sessions with a record at or after it. */
  readonly since?: string;
  /** Sessions that started before it. */
  readonly until?: string;
  /** `name` or `name/version`. */
  readonly agent?: string;
  readonly user?: string;
}

/** Whether a query selects a session by its id: sessions of sub-agents have the id of their parent, a `.` and more. */
export function isOfSession(id: string, { session, below }: BundleQuery): boolean {
  return session === undefined || id === session || (below === true && id.startsWith(`${session}.`));
}

/** `manifest.json`: canonical JSON and an LF. */
export interface Manifest {
  readonly v: typeof BUNDLE_VERSION;
  readonly format: typeof BUNDLE_FORMAT;
  /** When the bundle was made, by the clock of who made it. */
  readonly created: string;
  readonly aegrail_version: string;
  /** Origin of the log of logs; null without checkpoints, and then there are no entries and no keys either. */
  readonly origin: string | null;
  readonly query: BundleQuery;
  /** All files but the manifest, sorted by name (UTF-16 code units). */
  readonly files: readonly BundleFile[];
  readonly sessions: number;
  readonly records: number;
  readonly entries: number;
  readonly checkpoints: number;
  /** {@link manifestHash}. */
  readonly hash: string;
}

/** A line of `checkpoints.jsonl`: the whole signed note, signatures and cosignatures too. */
export interface CheckpointLine {
  readonly note: string;
}

/** Name in the bundle of a contract, by its SHA-256 (hex). */
export function contractFileName(sha256: string): string {
  return `${CONTRACTS_FOLDER}/${sha256}.json`;
}

/** SHA-256, hex, of a manifest's canonical form without its `hash`. */
export function manifestHash(manifest: Omit<Manifest, 'hash'>, sha256: Sha256): string {
  return sha256(canonicalJson({ ...manifest, hash: undefined }));
}
