import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { KeyEntry } from '../core/entry.ts';
import { AegrailError, messageOf } from '../core/errors.ts';
import { parseEntry } from './entry.ts';
import { type KeyPurpose, parseSkey, type SigningKey } from './key.ts';
import { createKeyHistory, isKeyEntry, type KeyHistory } from './key-history.ts';

/** The file of a keyring's statements: signed key entries, one canonical JSON a line, the oldest first. */
export const STATEMENTS_FILE = 'keyring.jsonl';

/** Where a key's private part is, by the key's hash. */
export function skeyFile(hash: string): string {
  return `${hash}.skey`;
}

/** A keyring's statements, and what follows from them. */
export interface Statements {
  readonly entries: readonly KeyEntry[];
  readonly history: KeyHistory;
}

/**
 * Reads and checks a keyring's statements.
 *
 * @throws AegrailError CONFIG_INVALID: with file, line and reason
 */
export function readStatements(dir: string): Statements {
  const path = join(dir, STATEMENTS_FILE);
  const text = readText(path, '"aegrail keys new" makes it');
  const entries: KeyEntry[] = [];
  const history = createKeyHistory();
  if (!text.endsWith('\n')) throw invalid(`${path} does not end with a line end: its last line is not whole`);
  for (const [index, line] of text.slice(0, -1).split('\n').entries()) {
    const entry = statementOf(line, `${path}:${index + 1}`);
    const fault = history.take(entry);
    if (fault) throw invalid(`${path}:${index + 1}: ${fault.fault}: ${fault.why}`);
    entries.push(entry);
  }
  return { entries, history };
}

/**
 * Reads a private key's file, which nobody but its owner may read.
 *
 * @throws AegrailError CONFIG_INVALID; the message holds nothing of the key but its name and hash
 */
export function readSkeyFile(path: string, purpose: KeyPurpose = 'note'): SigningKey {
  const text = readText(path, 'the private key must be in this file');
  // Windows has no such bits: Node makes them up.
  const mode = process.platform === 'win32' ? 0 : statSync(path).mode;
  if ((mode & 0o077) !== 0)
    throw invalid(
      `${path} can be read by others (mode ${(mode & 0o777).toString(8).padStart(4, '0')}): run "chmod 600 ${path}", and rotate the key if somebody may have read it`,
    );
  return parseSkeyText(text, path, purpose);
}

/** Reads a private key with or without a line end. `where` is said in errors. */
export function parseSkeyText(text: string, where: string, purpose: KeyPurpose = 'note'): SigningKey {
  try {
    return parseSkey(text.replace(/\r?\n$/, ''), purpose);
  } catch (thrown) {
    if (thrown instanceof AegrailError) throw invalid(`${where}: ${thrown.message}`);
    throw thrown;
  }
}

function statementOf(line: string, where: string): KeyEntry {
  try {
    const entry = parseEntry(line);
    if (isKeyEntry(entry)) return entry;
  } catch (thrown) {
    throw invalid(`${where}: ${messageOf(thrown)}`);
  }
  throw invalid(`${where}: only statements about keys may be here`);
}

function readText(path: string, otherwise: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (thrown) {
    const isMissing = (thrown as NodeJS.ErrnoException).code === 'ENOENT';
    const why = isMissing ? `${path} is not there: ${otherwise}` : `${path} can not be read: ${messageOf(thrown)}`;
    throw new AegrailError('CONFIG_INVALID', why, { cause: thrown });
  }
}

function invalid(message: string): AegrailError {
  return new AegrailError('CONFIG_INVALID', message);
}
