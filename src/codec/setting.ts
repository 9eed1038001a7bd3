import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { PayloadCodec } from '@temporalio/common';
import { AegrailError, messageOf } from '../core/errors.ts';
import type { Env } from '../config/environment.ts';
import { encryptionCodec } from './codec.ts';
import { readKeyFile } from './key-file.ts';
import { type KeySource, parsePayloadKeys } from './keys.ts';

/** The variable that alone turns encryption on for a client without a contract file. */
export const KEYS_VARIABLE = 'AEGRAIL_PAYLOAD_KEYS';

/** The block `encryption` of a contract file: just one of its members is given. */
export interface EncryptionSetting {
  /** Name of the environment variable that holds the keys. */
  readonly keysEnv?: string | undefined;
  readonly keyFile?: string | undefined;
  /** A module whose export `keySource` gives the keys: the way to a KMS. */
  readonly keyModule?: string | undefined;
}

/**
 * The codec that a contract file asks for, the same for client, worker and replay; undefined when it asks for none.
 *
 * @param baseDir the contract file's folder, to which paths are relative
 * @throws AegrailError CONFIG_INVALID, which shows no key
 */
export async function openPayloadCodec(
  setting: EncryptionSetting | undefined,
  baseDir: string,
  env: Env,
): Promise<PayloadCodec | undefined> {
  if (setting === undefined) return undefined;
  const { keysEnv, keyFile, keyModule } = setting;
  if (keysEnv !== undefined) return encryptionCodec(keysOf(keysEnv, env));
  if (keyFile !== undefined) return encryptionCodec(await readKeyFile(resolve(baseDir, keyFile), keyFile));
  return encryptionCodec(await loadKeySource(resolve(baseDir, keyModule ?? ''), keyModule ?? ''));
}

/** The codec of a client without a contract file: of {@link KEYS_VARIABLE}, or none. @throws AegrailError CONFIG_INVALID */
export function codecOfEnvironment(env: Env): PayloadCodec | undefined {
  return env[KEYS_VARIABLE] ? encryptionCodec(keysOf(KEYS_VARIABLE, env)) : undefined;
}

function keysOf(variable: string, env: Env): KeySource {
  const text = env[variable];
  if (text) return parsePayloadKeys(text, `the environment variable ${variable}`);
  throw new AegrailError(
    'CONFIG_INVALID',
    `encryption.keysEnv names the environment variable ${variable}, which is not set. Set it to a key that "aegrail payload-key" prints.`,
  );
}

async function loadKeySource(path: string, name: string): Promise<KeySource> {
  let loaded: { readonly keySource?: Partial<KeySource> };
  try {
    loaded = (await import(pathToFileURL(path).href)) as typeof loaded;
  } catch (thrown) {
    const why = `encryption.keyModule: ${name} can not be loaded: ${messageOf(thrown)}`;
    throw new AegrailError('CONFIG_INVALID', why, { cause: thrown });
  }
  const { keySource } = loaded;
  if (typeof keySource?.current === 'function' && typeof keySource.byId === 'function') return keySource as KeySource;
  throw new AegrailError(
    'CONFIG_INVALID',
    `encryption.keyModule: ${name} exports no keySource with current() and byId(id).`,
  );
}
