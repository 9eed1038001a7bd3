import type { Command } from 'commander';
import { AegrailError } from '../core/errors.ts';
import type { VerifierKey } from '../signing/key.ts';
import type { Invocation } from './invocation.ts';
import { type KeysOptions, keysPlace } from './keys-folder.ts';
import { withExample, withJson } from './options.ts';
import type { Terminal } from './terminal.ts';

interface Options extends KeysOptions {
  readonly reason: string;
  readonly json?: true;
}

/** Longest reason, in characters: an entry's texts have this limit. */
const MAX_REASON = 2_000;

/** Adds `aegrail keys revoke`. */
export function addKeysRevoke(keys: Command, { terminal }: Invocation): Command {
  const command = keys
    .command('revoke')
    .description('say that a key must not be trusted from now on; the active one has to be rotated first')
    .argument('<keyid>', 'name+hash as "aegrail keys list" shows it, or the 8 hex digits of the hash')
    .requiredOption('--reason <text>', 'why; it stands in the log for good')
    .action((id: string, options: Options) => revoke(id, options, terminal));
  withJson(command, 'one JSON document');
  return withExample(command, 'aegrail keys revoke 530d903a --reason "laptop stolen"');
}

async function revoke(id: string, options: Options, terminal: Terminal): Promise<void> {
  const { reason, json } = options;
  if (reason.trim() === '' || reason.length > MAX_REASON || /\p{Cc}/u.test(reason) || !reason.isWellFormed())
    throw new AegrailError(
      'CONFIG_INVALID',
      `--reason must be a text of 1 to ${MAX_REASON} characters, without control characters`,
    );
  const { id: revoked, vkey } = await revokeWhereItIs(id, options, terminal);
  if (json) await terminal.line(JSON.stringify({ id: revoked, vkey, reason }));
  else await terminal.line(`revoked ${revoked}`);
  terminal.say('The log says so from its next checkpoint on. What this key signed before stays good.');
}

/** In the keyring's folder; where the key is in a variable, which keeps no statements, straight in the store's log. */
async function revokeWhereItIs(id: string, options: Options, terminal: Terminal): Promise<VerifierKey> {
  const { dir, keyEnv, config } = await keysPlace(options, terminal);
  if (keyEnv === null || !config) {
    const { revokeKey } = await import('../signing/keyring-write.ts');
    return revokeKey(dir, id, options.reason, new Date());
  }
  const { revokeInStore } = await import('./keys-revoke-in-store.ts');
  return revokeInStore(id, options.reason, config, terminal);
}
