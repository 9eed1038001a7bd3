import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { AegrailError } from '../core/errors.ts';
import type { Invocation } from './invocation.ts';
import { type KeysOptions, keysPlace, shownPath } from './keys-folder.ts';
import { withExample, withJson } from './options.ts';
import type { Terminal } from './terminal.ts';

interface Options extends KeysOptions {
  readonly json?: true;
}

/** What to do where there is no folder that a statement could be put into. */
const IN_A_VARIABLE =
  'make another with "aegrail keys new --origin NAME --dir FOLDER", put its .skey into the variable and the key that is there now into the same name with _PREVIOUS; the worker then records the rotation, signed by both';

/** Adds `aegrail keys rotate`. */
export function addKeysRotate(keys: Command, { terminal }: Invocation): Command {
  const command = keys
    .command('rotate')
    .description('make a new key the active one; the old and the new key sign this, and old logs stay verifiable')
    .action((options: Options) => rotate(options, terminal));
  withJson(command, 'one JSON document');
  return withExample(command, 'aegrail keys rotate');
}

async function rotate(options: Options, terminal: Terminal): Promise<void> {
  const { dir, keyEnv } = await keysPlace(options, terminal);
  if (keyEnv !== null)
    throw new AegrailError('CONFIG_INVALID', `the signing key is in the variable ${keyEnv}: ${IN_A_VARIABLE}`);
  const [{ rotateKey }, { skeyFile }] = await Promise.all([
    import('../signing/keyring-write.ts'),
    import('../signing/keyring-file.ts'),
  ]);
  const { made, from } = rotateKey(dir, new Date());
  const { vkey, id } = made.key;
  if (options.json) await terminal.line(JSON.stringify({ vkey, id, file: made.file, from: from.id }));
  else await terminal.line(vkey);
  const old = shownPath(join(dirname(made.file), skeyFile(from.hash)), terminal.cwd);
  terminal.say(`The private key is in ${shownPath(made.file, terminal.cwd)}, which only you can read.`);
  terminal.say(
    `Workers take it from their next checkpoint on. ${from.id} signs nothing after that: remove ${old} then. Who stole it later could sign a history without this rotation.`,
  );
}
