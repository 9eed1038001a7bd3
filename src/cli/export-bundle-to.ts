import { resolve } from 'node:path';
import type { BundleQuery, Manifest } from '../audit/bundle-format.ts';
import type { ExportStore } from '../audit/selected.ts';
import { AegrailError } from '../core/errors.ts';
import { writingTo } from './export-output.ts';
import type { Progress } from './export-progress.ts';
import type { Terminal } from './terminal.ts';

/** An export as it was asked for. */
export interface Exporting {
  readonly query: BundleQuery;
  /** Where to; undefined for the default. */
  readonly output: string | undefined;
  /** Whether to say what was written as JSON. */
  readonly json: true | undefined;
  readonly terminal: Terminal;
  readonly progress: Progress;
  readonly stop: AbortSignal;
}

/** Writes a bundle, and says on stderr, or as JSON, what is in it. */
export async function exportBundleTo(exporting: Exporting & { readonly store: ExportStore }): Promise<void> {
  const { query, json, terminal } = exporting;
  const { exportBundle } = await import('../audit/export-bundle.ts');
  const created = new Date().toISOString();
  const output = exporting.output ?? defaultName(query, created);
  const folder = resolve(terminal.cwd, output);
  if (folder === terminal.cwd)
    throw new AegrailError('CONFIG_INVALID', `${output} is the current folder: a bundle needs a folder of its own`);
  const { manifest, missingContracts } = await writingTo(output, () =>
    exportBundle({ ...exporting, ...exporting.progress, folder, created }),
  );
  if (json) {
    return terminal.line(JSON.stringify({ folder: output, manifest, missing_contracts: missingContracts }));
  }
  terminal.say(`${output}: ${contentsOf(manifest)}`);
  if (manifest.origin === null)
    terminal.say('the store has no signed checkpoint: the bundle shows changes inside it, not that it is complete');
  for (const contract of missingContracts)
    terminal.say(`the store does not have the contract ${contract}: costs of its sessions can not be recomputed`);
}

function contentsOf({ sessions, records, entries, checkpoints, origin, hash }: Manifest): string {
  const signed = origin === null ? [] : [counted(entries, 'entry', 'entries'), counted(checkpoints, 'checkpoint')];
  const contents = [counted(records, 'record'), counted(sessions, 'session'), ...signed].join(', ');
  return `${contents}, manifest ${hash}`;
}

function counted(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}

/** By the session, or by the time: such names sort as they were made. Ids are cut to what every file system takes. */
function defaultName({ session, below }: BundleQuery, created: string): string {
  const what = session?.replace(/[^A-Za-z0-9._-]/g, '_').slice(0, 100) ?? created.replace(/[:.]/g, '');
  return `aegrail-audit-${what}${below ? '-tree' : ''}`;
}
