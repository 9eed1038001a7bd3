import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ENTRY_VERSION, type KeyEntry, type KeyRevokedEntry } from '../core/entry.ts';
import { AegrailError, messageOf } from '../core/errors.ts';
import { createSpoolLock } from '../sinks/spool-lock.ts';
import { createDurably, replaceDurably } from './durable-file.ts';
import { entryText, signEntry } from './entry.ts';
import { generateSkey, type KeyPurpose, parseSkey, type SigningKey, type VerifierKey } from './key.ts';
import type { KeyHistory } from './key-history.ts';
import { readSkeyFile, readStatements, skeyFile, STATEMENTS_FILE, type Statements } from './keyring-file.ts';

const LOCK_FILE = 'keyring.lock';
const PRIVATE_MODE = 0o600;
const PUBLIC_MODE = 0o644;

/** A key that was made, and its private part's file. */
export interface MadeKey {
  readonly key: VerifierKey;
  readonly file: string;
}

/**
 * Makes a keyring with a first key, in a folder without one.
 *
 * @throws AegrailError CONFIG_INVALID when the folder holds keys, or can't be written
 */
export function createKeyring(dir: string, origin: string, now: Date): MadeKey {
  return inFolder(dir, () => {
    refuseKeys(dir);
    const made = writeNewKey(dir, origin, 'note');
    const { verifier } = made.signing;
    const added = { v: ENTRY_VERSION, kind: 'key_added', at: now.toISOString(), key: verifier.vkey } as const;
    try {
      // Whole, or not there at all: the folder's lock is held, and it holds no keys.
      replaceDurably(join(dir, STATEMENTS_FILE), `${entryText(signEntry(added, [made.signing]))}\n`, PUBLIC_MODE);
    } catch (thrown) {
      if (!existsSync(join(dir, STATEMENTS_FILE))) rmSync(made.file, { force: true });
      throw thrown;
    }
    return { key: verifier, file: made.file };
  });
}

/** Makes a witness's key in a folder without keys. @throws AegrailError CONFIG_INVALID like {@link createKeyring} */
export function createWitnessKey(dir: string, name: string): MadeKey {
  return inFolder(dir, () => {
    refuseKeys(dir);
    const { signing, file } = writeNewKey(dir, name, 'cosignature');
    return { key: signing.verifier, file };
  });
}

/**
 * Makes a new key the active one: a statement that both keys sign.
 *
 * @returns the new key, and the one that was active
 * @throws AegrailError CONFIG_INVALID when the keyring is not whole, or can't be written
 */
export function rotateKey(dir: string, now: Date): { readonly made: MadeKey; readonly from: VerifierKey } {
  return inFolder(dir, () => {
    const statements = readStatements(dir);
    const from = activeKey(dir, statements);
    const { signing, file } = writeNewKey(dir, from.verifier.name, 'note');
    const members = { from: from.verifier.vkey, to: signing.verifier.vkey };
    const rotated = { v: ENTRY_VERSION, kind: 'key_rotated', at: timeAfter(statements, now), ...members } as const;
    // Should this fail, the key stays: the statement may be there, and a key that no statement names does no harm.
    addStatement(dir, statements, signEntry(rotated, [from, signing]));
    return { made: { key: signing.verifier, file }, from: from.verifier };
  });
}

/**
 * Revokes a key that is not the active one.
 *
 * @param id `<name>+<hash>`, or the hash alone
 * @throws AegrailError CONFIG_INVALID for an unknown key, the active one, one that is revoked already
 */
export function revokeKey(dir: string, id: string, reason: string, now: Date): VerifierKey {
  return inFolder(dir, () => {
    const statements = readStatements(dir);
    const key = keyToRevoke(statements.history, id);
    const at = timeAfter(statements, now);
    addStatement(dir, statements, revocation(key, reason, at, activeKey(dir, statements)));
    return key;
  });
}

/**
 * The key that is meant by its id, its hash or its vkey, when it can be revoked.
 *
 * @throws AegrailError CONFIG_INVALID for an unknown key, the active one, one that is revoked already
 */
export function keyToRevoke(history: KeyHistory, id: string): VerifierKey {
  const keys = history.keys();
  const found = keys.find(({ key }) => key.id === id || key.hash === id || key.vkey === id);
  if (!found) throw invalid(`there is no key ${id}: there are ${keys.map(({ key }) => key.id).join(', ')}`);
  const { key, revoked } = found;
  if (key === history.active())
    throw invalid(`${key.id} is the active key: rotate first ("aegrail keys rotate"), then revoke it`);
  if (revoked) throw invalid(`${key.id} is revoked already, since ${revoked.at}: ${revoked.reason}`);
  return key;
}

/** The statement that a key is revoked. */
export function revocation(key: VerifierKey, reason: string, at: string, active: SigningKey): KeyRevokedEntry {
  return signEntry({ v: ENTRY_VERSION, kind: 'key_revoked', at, key: key.vkey, reason }, [active]);
}

function activeKey(dir: string, { history }: Statements): SigningKey {
  const active = history.active();
  const path = join(dir, skeyFile(active?.hash ?? ''));
  const key = readSkeyFile(path);
  if (key.verifier.vkey !== active?.vkey) throw invalid(`${path} holds the key ${key.verifier.id}, not the active one`);
  return key;
}

/** Adds a statement, once it was judged as everybody will judge it. */
function addStatement(dir: string, { entries, history }: Statements, added: KeyEntry): void {
  const fault = history.take(added);
  if (fault) throw invalid(fault.why);
  const text = [...entries, added].map((entry) => `${entryText(entry)}\n`).join('');
  replaceDurably(join(dir, STATEMENTS_FILE), text, PUBLIC_MODE);
}

/** A clock that was set back must not put a statement before the one that it follows. */
function timeAfter({ entries }: Statements, now: Date): string {
  const at = now.toISOString();
  const last = entries.at(-1)?.at ?? '';
  return last > at ? last : at;
}

function writeNewKey(dir: string, name: string, purpose: KeyPurpose): { signing: SigningKey; file: string } {
  const skey = generateSkey(name, purpose);
  const signing = parseSkey(skey, purpose);
  const file = join(dir, skeyFile(signing.verifier.hash));
  createDurably(file, `${skey}\n`, PRIVATE_MODE);
  return { signing, file };
}

function refuseKeys(dir: string): void {
  const found = readdirSync(dir).find((name) => name === STATEMENTS_FILE || name.endsWith('.skey'));
  if (found === undefined) return;
  throw invalid(
    `${dir} holds keys already (${found}), and nothing is overwritten: name another folder with --dir, or get a new key for this one with "aegrail keys rotate"`,
  );
}

/** One process at a time changes a keyring; what the file system says becomes an error in words. */
function inFolder<T>(dir: string, work: () => T): T {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const lock = createSpoolLock(join(dir, LOCK_FILE));
    try {
      if (!lock.take()) throw invalid(`another process is changing the keys in ${dir}: try again when it has ended`);
      return work();
    } finally {
      lock.close();
    }
  } catch (thrown) {
    if (thrown instanceof AegrailError) throw thrown;
    throw new AegrailError('CONFIG_INVALID', `the keys in ${dir} can not be written: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
}

function invalid(message: string): AegrailError {
  return new AegrailError('CONFIG_INVALID', message);
}
