import { type Audit, auditBundle } from '../../src/audit/audit.ts';
import type { BundleSource } from '../../src/audit/bundle-source.ts';
import { readKeptCheckpoints } from '../../src/audit/kept-checkpoints.ts';
import { type Finding, VERDICT_NAMES, type VerdictName } from '../../src/audit/verdicts.ts';
import type { FaultName } from '../../src/core/faults.ts';
import { parseVkey } from '../../src/signing/key.ts';
import type { Files } from './bundle-parts.ts';
import { validFamilies, wrongFamilies } from './family-bundles.ts';
import { invalidBundles } from './invalid-bundles.ts';
import { type Brought, validBundles } from './valid-bundles.ts';

/** One row of bundles.json. */
export interface BundleVector {
  /** Folder of the bundle, or of those of its files that are not those of `base`. */
  readonly bundle: string;
  readonly base: string | null;
  /** Files of `base` that it has not. */
  readonly without: readonly string[];
  readonly keys: readonly string[];
  readonly witnesses: readonly string[];
  /** File with a checkpoint that was kept elsewhere, or null. */
  readonly checkpoint: string | null;
  readonly ok: boolean;
  readonly verdicts: Readonly<Record<VerdictName, string>>;
  readonly findings: readonly FindingRow[];
}

/** A finding, without the sentence for people. */
export type FindingRow = Omit<Finding, 'why'>;

const NO_FAULTS: readonly FaultName[] = [];

/** Makes the files of all bundles, by their paths, and their index. */
export async function makeBundles(): Promise<{ readonly files: Files; readonly index: readonly BundleVector[] }> {
  const made = new Map<string, Buffer>();
  const wholes = new Map<string, Files>();
  const index: BundleVector[] = [];
  const wrong: string[] = [];
  const valid = [...validBundles(), ...validFamilies()].map((bundle) => ({ ...bundle, faults: NO_FAULTS }));
  for (const bundle of [...valid, ...invalidBundles(), ...wrongFamilies()]) {
    const { name, base, files, kept, keys, witnesses } = bundle;
    const under = base === null ? new Map<string, Buffer>() : wholes.get(base)!;
    if (base === null) wholes.set(name, files);
    for (const [file, bytes] of files) if (!under.get(file)?.equals(bytes)) made.set(`${name}/${file}`, bytes);
    const checkpoint = kept === null ? null : `${name}.checkpoint`;
    if (checkpoint !== null && kept !== null) made.set(checkpoint, Buffer.from(kept));
    const without = [...under.keys()].filter((file) => !files.has(file));
    const found = rowOf(await audit(memorySource(files), bundle, checkpoint));
    const faults = found.findings.map(({ fault }) => fault).sort();
    const expected = bundle.faults.toSorted().join();
    if (faults.join() !== expected) wrong.push(`${name} must have ${expected}: ${JSON.stringify(found)}`);
    index.push({ bundle: name, base, without, keys, witnesses, checkpoint, ...found });
  }
  if (wrong.length > 0) throw new Error(wrong.join('\n'));
  return { files: made, index };
}

/** Audits as `aegrail audit verify` does. */
export async function audit(source: BundleSource, { keys, witnesses, kept }: Brought, keptFile: string | null): Promise<Audit> {
  return auditBundle(source, {
    keys: keys.map((vkey) => parseVkey(vkey)),
    witnesses: witnesses.map((vkey) => parseVkey(vkey, 'cosignature')),
    kept: kept === null ? [] : await readKeptCheckpoints([Buffer.from(kept)], keptFile ?? ''),
    histories: null,
    onProgress: () => {},
  });
}

/** What an audit found, as bundles.json has it. */
export function rowOf({ verdicts }: Audit): Pick<BundleVector, 'ok' | 'verdicts' | 'findings'> {
  const statuses = VERDICT_NAMES.map((name) => [name, verdicts[name].status] as const);
  return {
    ok: statuses.every(([, status]) => status !== 'bad'),
    verdicts: Object.fromEntries(statuses) as Record<VerdictName, string>,
    findings: VERDICT_NAMES.flatMap((name) => verdicts[name].findings.map(withoutWhy)),
  };
}

function withoutWhy({ fault, file, outside, line, session_id }: Finding): FindingRow {
  return {
    fault,
    ...(file === undefined ? {} : { file }),
    ...(outside === undefined ? {} : { outside }),
    ...(line === undefined ? {} : { line }),
    ...(session_id === undefined ? {} : { session_id }),
  };
}

/** A bundle that is in memory. A folder in it is listed as what is no file. */
export function memorySource(files: Files): BundleSource {
  const listed = new Map<string, { name: string; kind: 'file' | 'other'; bytes: number }>();
  for (const [path, { length: bytes }] of files) {
    const [folder = ''] = path.split('/');
    if (folder === path || folder === 'contracts') listed.set(path, { name: path, kind: 'file', bytes });
    else listed.set(folder, { name: folder, kind: 'other', bytes: 0 });
  }
  return { list: () => Promise.resolve([...listed.values()]), read: (name) => [files.get(name)!] };
}
