import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { PayloadCodec } from '@temporalio/common';
import type { Terminal } from './terminal.ts';

/**
 * The codec of a command's clients and replays: what `encryption` in the contract file says, and where there is no contract
 * file, the environment variable AEGRAIL_PAYLOAD_KEYS. A contract file without that block is not looked at further, so that
 * what else is wrong in it does not keep a command from showing a session.
 *
 * @param config the contract file, or undefined for the usual names
 * @returns undefined when nothing is to be encrypted
 * @throws AegrailError CONFIG_INVALID
 */
export async function payloadCodecFor(
  config: string | undefined,
  terminal: Terminal,
): Promise<PayloadCodec | undefined> {
  const { env, cwd } = terminal;
  const [{ CONFIG_NAMES, readSource }, { codecOfEnvironment, openPayloadCodec }] = await Promise.all([
    import('../config/source.ts'),
    import('../codec/setting.ts'),
  ]);
  const name = config ?? CONFIG_NAMES.find((candidate) => existsSync(resolve(cwd, candidate)));
  if (name === undefined) return codecOfEnvironment(env);
  const { value } = await readSource(name, cwd);
  if (typeof value !== 'object' || value === null || !('encryption' in value)) return undefined;
  const { loadConfig } = await import('../config/load.ts');
  const { file, source } = await loadConfig(name, cwd);
  return openPayloadCodec(file.encryption, source.baseDir, env);
}
