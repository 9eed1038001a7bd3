import { createHash } from 'node:crypto';
import { BUNDLE_FILES, type BundleFile, type Manifest, MAX_MANIFEST_BYTES } from './bundle-format.ts';
import type { BundleSource, Listed } from './bundle-source.ts';
import type { Chunks } from './lines.ts';
import { readManifest } from './manifest.ts';
import type { Findings } from './verdicts.ts';

/** A bundle whose manifest could be read. */
export interface Bundle {
  readonly manifest: Manifest;
  /**
   * The bytes of a file of the manifest, once. Read to their end, they are compared with what the manifest says of them.
   * None when the file is not there.
   */
  chunks(name: string): AsyncGenerator<Buffer, void, undefined>;
  /** A small file as a whole; null when it is larger than `mostBytes`, or not there. */
  whole(name: string, mostBytes: number): Promise<Buffer | null>;
}

/**
 * Opens a bundle and compares what lies there with its manifest: `no_manifest`, `bad_manifest`, `missing_file`,
 * `extra_file`, `not_a_file`, and, as files are read, `file_mismatch`.
 *
 * @returns null when there is no manifest that can be gone by
 * @throws the source's error when it can't be read
 */
export async function openBundle(source: BundleSource, findings: Findings): Promise<Bundle | null> {
  const listed = new Map((await source.list()).map((item) => [item.name, item]));
  const manifest = await manifestOf(source, listed.get(BUNDLE_FILES.manifest), findings);
  if (manifest === null) return null;
  const files = new Map(manifest.files.map((file) => [file.name, file]));
  compareListing(listed, files, findings);

  async function* chunks(name: string): AsyncGenerator<Buffer, void, undefined> {
    const file = files.get(name);
    if (file === undefined || listed.get(name)?.kind !== 'file') return;
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const chunk of source.read(name)) {
      hash.update(chunk);
      bytes += chunk.length;
      yield chunk;
    }
    const mismatch = mismatchOf(file, bytes, hash.digest('hex'));
    if (mismatch !== null) findings.found({ fault: 'file_mismatch', why: mismatch, file: name });
  }

  return {
    manifest,
    chunks,
    async whole(name, mostBytes) {
      if ((listed.get(name)?.bytes ?? 0) > mostBytes || listed.get(name)?.kind !== 'file') return null;
      return readAll(chunks(name), mostBytes);
    },
  };
}

async function manifestOf(
  source: BundleSource,
  listed: Listed | undefined,
  findings: Findings,
): Promise<Manifest | null> {
  const file = BUNDLE_FILES.manifest;
  const found = (fault: 'no_manifest' | 'not_a_file' | 'bad_manifest', why: string): null => {
    findings.found({ fault, why, file, line: 1 });
    return null;
  };
  if (listed === undefined) return found('no_manifest', 'it is not there: a bundle is a folder that has one');
  if (listed.kind !== 'file') return found('not_a_file', 'it is a link, a folder or a pipe, and must be a file');
  const bytes = await readAll(source.read(file), MAX_MANIFEST_BYTES);
  if (bytes === null) return found('bad_manifest', `it is larger than ${MAX_MANIFEST_BYTES / 1024 / 1024} MB`);
  const { manifest, why } = readManifest(bytes);
  if (why !== null) found('bad_manifest', why);
  return manifest;
}

function compareListing(
  listed: ReadonlyMap<string, Listed>,
  files: ReadonlyMap<string, BundleFile>,
  findings: Findings,
): void {
  for (const { name, kind } of listed.values()) {
    if (name === BUNDLE_FILES.manifest) continue;
    const file = name.slice(0, 200);
    if (kind === 'other')
      findings.found({ fault: 'not_a_file', why: 'a link, a folder or a pipe: it is not read', file });
    else if (!files.has(name))
      findings.found({ fault: 'extra_file', why: 'the manifest does not name it: it is not read', file });
  }
  for (const { name } of files.values()) {
    if (!listed.has(name))
      findings.found({ fault: 'missing_file', why: 'the manifest names it, and it is not there', file: name });
  }
}

function mismatchOf(file: BundleFile, bytes: number, sha256: string): string | null {
  if (bytes !== file.bytes) return `it has ${bytes} bytes, and the manifest says ${file.bytes}`;
  return sha256 === file.sha256 ? null : 'its SHA-256 is not that of the manifest: one of them was changed';
}

/** @returns null when there are more bytes */
async function readAll(chunks: Chunks, mostBytes: number): Promise<Buffer | null> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > mostBytes) return null;
    parts.push(chunk);
  }
  return Buffer.concat(parts);
}
