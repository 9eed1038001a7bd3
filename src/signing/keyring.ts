import { join, resolve } from 'node:path';
import type { KeyEntry } from '../core/entry.ts';
import { AegrailError } from '../core/errors.ts';
import type { SigningKey, VerifierKey } from './key.ts';
import { parseSkeyText, readSkeyFile, readStatements, skeyFile, STATEMENTS_FILE } from './keyring-file.ts';

/** Ends the name of the variable that holds the key before the one in use. */
const PREVIOUS_SUFFIX = '_PREVIOUS';

/** Where signing keys are: the `signing` block of a contract file. Just one of `keys` and `keyEnv` is given. */
export interface KeyringSettings {
  readonly origin: string;
  /** Folder of a keyring. */
  readonly keys?: string | undefined;
  /** Name of the environment variable that holds a private key. */
  readonly keyEnv?: string | undefined;
}

/** The keys that a log is signed with. A folder is read anew each time, so that a rotation needs no restart. */
export interface Keyring {
  /** Name of the log and of its keys. */
  readonly origin: string;
  /** The key that signs now. @throws AegrailError CONFIG_INVALID */
  active(): SigningKey;
  /**
   * All statements about keys, the oldest first, signed. None where the key is in the environment: whoever keeps the log
   * makes them then. @throws AegrailError CONFIG_INVALID
   */
  statements(): readonly KeyEntry[];
  /** The private part of a key, by its id; null for a key that is not of this keyring. @throws AegrailError CONFIG_INVALID */
  find(id: string): SigningKey | null;
  /** The key before the active one, where the environment holds both. */
  readonly previous?: SigningKey;
}

/**
 * Opens the keys of a contract file's `signing` block, and checks them.
 *
 * @param baseDir what a relative folder is relative to: the contract file's
 * @throws AegrailError CONFIG_INVALID: a missing, damaged or readable file, a key of another name than `origin`, …
 */
export function openKeyring(
  settings: KeyringSettings,
  baseDir: string,
  env: Readonly<Record<string, string | undefined>>,
): Keyring {
  if (settings.keyEnv !== undefined) return environmentKeyring(settings.origin, settings.keyEnv, env);
  if (settings.keys === undefined) throw invalid('signing needs keys (a folder) or keyEnv (a variable)');
  return folderKeyring(settings.origin, resolve(baseDir, settings.keys));
}

function folderKeyring(origin: string, dir: string): Keyring {
  const read = (): { entries: readonly KeyEntry[]; active: VerifierKey } => {
    const { entries, history } = readStatements(dir);
    const active = history.active();
    if (!active) throw invalid(`${join(dir, STATEMENTS_FILE)} holds no key`);
    return { entries, active: named(active, origin, join(dir, STATEMENTS_FILE)) };
  };
  const skeyOf = (key: VerifierKey): SigningKey => {
    const path = join(dir, skeyFile(key.hash));
    const found = readSkeyFile(path);
    if (found.verifier.vkey !== key.vkey) throw invalid(`${path} holds the key ${found.verifier.id}, not ${key.id}`);
    return found;
  };
  const keyring: Keyring = {
    origin,
    active: () => skeyOf(read().active),
    statements: () => read().entries,
    find(id) {
      const known = readStatements(dir)
        .history.keys()
        .find(({ key }) => key.id === id);
      return known ? skeyOf(known.key) : null;
    },
  };
  keyring.active();
  return keyring;
}

function environmentKeyring(
  origin: string,
  variable: string,
  env: Readonly<Record<string, string | undefined>>,
): Keyring {
  const keyIn = (name: string): SigningKey | null => {
    const text = env[name];
    if (text === undefined || text === '') return null;
    const key = parseSkeyText(text, `the environment variable ${name}`);
    named(key.verifier, origin, `the environment variable ${name}`);
    return key;
  };
  const active = keyIn(variable);
  if (!active)
    throw invalid(`the environment variable ${variable} is not set: it must hold the content of a .skey file`);
  const previous = keyIn(`${variable}${PREVIOUS_SUFFIX}`);
  return {
    origin,
    active: () => active,
    statements: () => [],
    find: (id) => [active, previous].find((key) => key?.verifier.id === id) ?? null,
    ...(previous ? { previous } : {}),
  };
}

function named(key: VerifierKey, origin: string, where: string): VerifierKey {
  if (key.name === origin) return key;
  throw invalid(
    `${where} holds a key of the name ${key.name}, and the log's origin is ${origin}: they must be the same`,
  );
}

function invalid(message: string): AegrailError {
  return new AegrailError('CONFIG_INVALID', message);
}
