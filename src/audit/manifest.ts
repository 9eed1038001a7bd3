import { isUtf8 } from 'node:buffer';
import { hash as digest } from 'node:crypto';
import { canonicalJson } from '../core/canonical.ts';
import type { Sha256 } from '../core/chain.ts';
import { checkJson } from '../core/json.ts';
import {
  BUNDLE_FILES,
  BUNDLE_FORMAT,
  BUNDLE_VERSION,
  type BundleFile,
  CONTRACT_FILE_NAME,
  type Manifest,
  manifestHash,
} from './bundle-format.ts';
import { count, hex64, listOf, object, oneOf, onlyTrue, optional, orNull, text, timestamp } from './checks.ts';

const sha256: Sha256 = (of) => digest('sha256', of, 'hex');

/** The members of a manifest. What they mean is bundle-format.ts's to say. */
const SHAPE = object({
  v: count,
  format: oneOf(BUNDLE_FORMAT),
  created: timestamp,
  aegrail_version: text,
  origin: orNull(text),
  query: object({
    session: optional(text),
    below: optional(onlyTrue),
    since: optional(timestamp),
    until: optional(timestamp),
    agent: optional(text),
    user: optional(text),
  }),
  files: listOf(object({ name: text, bytes: count, sha256: hex64 })),
  sessions: count,
  records: count,
  entries: count,
  checkpoints: count,
  hash: hex64,
});

const TREE_FILES: readonly string[] = [BUNDLE_FILES.entries, BUNDLE_FILES.checkpoints, BUNDLE_FILES.keys];

/** What a manifest says, and what is wrong with it. `manifest` is there when its members have their forms. */
export interface ManifestReading {
  readonly manifest: Manifest | null;
  readonly why: string | null;
}

/**
 * Reads `manifest.json`. A file's name in it can only be one that a bundle has: no path leads out of the folder.
 *
 * @param bytes of the whole file
 */
export function readManifest(bytes: Buffer): ManifestReading {
  if (!isUtf8(bytes)) return { manifest: null, why: 'it holds bytes that are not UTF-8' };
  const written = bytes.toString();
  const value = parse(written);
  if (value === undefined) return { manifest: null, why: 'it is not JSON, or nests too deep' };
  const fault = SHAPE(value);
  if (fault !== null) return { manifest: null, why: fault };
  const manifest = value as Manifest;
  const misfit = filesProblem(manifest) ?? queryProblem(manifest);
  if (misfit !== null) return { manifest: null, why: misfit };
  return { manifest, why: wholeProblem(manifest, written) };
}

function wholeProblem(manifest: Manifest, written: string): string | null {
  if (written !== `${canonicalJson(manifest)}\n`)
    return 'it is not in canonical form (RFC 8785) with one LF at its end';
  if (manifestHash(manifest, sha256) !== manifest.hash) return 'its hash is not that of the manifest: it was changed';
  return null;
}

function filesProblem({ v, files, origin }: Manifest): string | null {
  if (v !== BUNDLE_VERSION) return 'v is not 1: it is of a newer release';
  const stray = files.findIndex(({ name }) => !isBundleFile(name));
  if (stray >= 0) return `files[${stray}].name is not one that a bundle has`;
  const disordered = files.findIndex(({ name }, index) => index > 0 && !isBefore(files[index - 1], name));
  if (disordered >= 0) return `files[${disordered}] is named twice, or is not sorted by name`;
  const names = new Set(files.map(({ name }) => name));
  const wanted = [BUNDLE_FILES.records, ...(origin === null ? [] : TREE_FILES)];
  const missing = wanted.find((name) => !names.has(name));
  if (missing !== undefined) return `files does not name ${missing}`;
  const needless = origin === null ? TREE_FILES.find((name) => names.has(name)) : undefined;
  return needless === undefined ? null : `files names ${needless}, and there is no origin`;
}

function queryProblem({ query }: Manifest): string | null {
  return query.below && query.session === undefined ? 'query.below is there, and query.session is not' : null;
}

function isBefore(file: BundleFile | undefined, name: string): boolean {
  return file !== undefined && file.name < name;
}

function isBundleFile(name: string): boolean {
  return name === BUNDLE_FILES.records || TREE_FILES.includes(name) || CONTRACT_FILE_NAME.test(name);
}

function parse(written: string): unknown {
  try {
    const value: unknown = JSON.parse(written);
    // Also what has no canonical form: lone surrogates, and nesting that would end the stack.
    return checkJson(value) === null ? value : undefined;
  } catch {
    return undefined;
  }
}
