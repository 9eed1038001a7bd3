import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type BundleQuery, type Manifest, manifestHash } from '../../src/audit/bundle-format.ts';
import type { BundleOrder } from '../../src/audit/export-bundle.ts';
import type { ExportStore } from '../../src/audit/selected.ts';
import { canonicalJson } from '../../src/core/canonical.ts';
import type { Store } from '../../src/store/store.ts';
import { hex, linesOf, recordsOf, type Sample, temporaryFolder } from './export-kit.ts';

export const CREATED = '2026-03-01T00:00:00.000Z';
export const DAY_MS = 86_400_000;
export const JANUARY = Date.parse('2026-01-01T00:00:00.000Z');

/** Sessions of three days, two agents and two users; the oldest is appended last. */
export const SAMPLES: readonly Sample[] = [
  { id: 'second', startMs: JANUARY + DAY_MS, calls: 2, agent: 'bot/v2', user: 'bob@acme.com' },
  { id: 'third', startMs: JANUARY + 2 * DAY_MS, calls: 1, agent: 'other/v1' },
  { id: 'first', startMs: JANUARY, calls: 3 },
];

/** Appends sessions. */
export async function fill(store: Store, samples: readonly Sample[] = SAMPLES): Promise<void> {
  for (const sample of samples) await store.append(sample.id, recordsOf(sample));
}

/** A bundle that is to be, in a folder that goes away with the test. */
export function order(store: ExportStore, query: BundleQuery, folder = join(temporaryFolder(), 'bundle')): BundleOrder {
  return {
    store,
    query,
    folder,
    created: CREATED,
    onRecord: () => undefined,
    onBlock: () => undefined,
    stop: new AbortController().signal,
  };
}

/** A finished bundle: each file is as its manifest says, and there is no other. */
export function readBundle(folder: string): Manifest {
  const text = readFileSync(join(folder, 'manifest.json'), 'utf8');
  const manifest = JSON.parse(text) as Manifest;
  expect(text).toBe(`${canonicalJson(manifest)}\n`);
  const { hash, ...rest } = manifest;
  expect(hash).toBe(manifestHash(rest, hex));
  expect(hash).toBe(hex(canonicalJson(rest)));
  const found = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .toSorted();
  expect(found).toEqual([...manifest.files.map(({ name }) => name), 'manifest.json'].toSorted());
  for (const { name, bytes, sha256 } of manifest.files) {
    const content = readFileSync(join(folder, name));
    expect({ name, bytes: content.length, sha256: hex(content) }).toEqual({ name, bytes, sha256 });
  }
  return manifest;
}

/** Which sessions have records in a bundle, in order. */
export function sessionsIn(folder: string): string[] {
  const ids = linesOf(join(folder, 'records.jsonl')).map(
    (line) => (JSON.parse(line) as { session_id: string }).session_id,
  );
  return [...new Set(ids)];
}
