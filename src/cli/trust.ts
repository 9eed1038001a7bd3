import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Trust } from '../audit/bundle-tree.ts';
import type { KeptCheckpoint } from '../audit/kept-checkpoints.ts';
import { AegrailError, messageOf } from '../core/errors.ts';
import type { VerifierKey } from '../signing/key.ts';
import type { Terminal } from './terminal.ts';

/** What an auditor trusts, as it is given. */
export interface TrustOptions {
  readonly key?: readonly string[];
  readonly witness?: readonly string[];
  readonly checkpoint?: readonly string[];
}

/** Reads what an auditor trusts. @throws AegrailError CONFIG_INVALID */
export async function trustFrom({ key, witness, checkpoint }: TrustOptions, terminal: Terminal): Promise<Trust> {
  const { parseVkey } = await import('../signing/key.ts');
  const kept = await Promise.all((checkpoint ?? []).map((file) => keptIn(file, terminal.cwd)));
  const keys = await Promise.all((key ?? []).map((text) => keysOf(text, terminal.cwd, parseVkey)));
  return {
    keys: keys.flat(),
    witnesses: (witness ?? []).map((vkey) => parseVkey(vkey, 'cosignature')),
    kept: kept.flat(),
  };
}

/** A key itself, or a file with one a line; empty lines and those that begin with # are left out. */
async function keysOf(text: string, cwd: string, parse: (vkey: string) => VerifierKey): Promise<VerifierKey[]> {
  const path = resolve(cwd, text);
  if (!existsSync(path)) return [parse(text)];
  const lines = (await reading(text, () => readFile(path, 'utf8'))).split('\n').map((line) => line.trim());
  const keys = lines.filter((line) => line !== '' && !line.startsWith('#')).map((line) => parse(line));
  if (keys.length > 0) return keys;
  throw new AegrailError('CONFIG_INVALID', `${text} holds no verifier key: it must have one a line, name+hash+base64.`);
}

async function keptIn(file: string, cwd: string): Promise<readonly KeptCheckpoint[]> {
  const [{ readKeptCheckpoints }, { readChunks }] = await Promise.all([
    import('../audit/kept-checkpoints.ts'),
    import('../audit/lines.ts'),
  ]);
  return reading(file, () => readKeptCheckpoints(readChunks(resolve(cwd, file)), file));
}

async function reading<T>(file: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (thrown) {
    if (thrown instanceof AegrailError) throw thrown;
    throw new AegrailError('CONFIG_INVALID', `${file} can not be read: ${messageOf(thrown)}`, { cause: thrown });
  }
}
