import { isAbsolute } from 'node:path';
import type { Command } from 'commander';
import { AegrailError } from '../core/errors.ts';
import type { MadeKey } from '../signing/keyring-write.ts';
import type { Invocation } from './invocation.ts';
import { type KeysOptions, type KeysPlace, keysPlace, shownPath } from './keys-folder.ts';
import { withExample, withJson } from './options.ts';
import type { Terminal } from './terminal.ts';

interface Options extends KeysOptions {
  readonly origin?: string;
  readonly witness?: true;
  readonly json?: true;
}

const IN_A_VARIABLE = `
For a key in an environment variable: put the content of the .skey file (one line) into the variable, name the variable
with signing.keyEnv in place of signing.keys, and keep the file where only you can read it. After a change of the variable
put the key before it into <VARIABLE>_PREVIOUS: a rotation is signed by both.`;

/** Adds `aegrail keys new`. */
export function addKeysNew(keys: Command, { terminal }: Invocation): Command {
  const command = keys
    .command('new')
    .description("make a log's first signing key; prints its verifier key, and says what the contract file needs")
    .option('--origin <name>', 'name of the log and of its keys, such as example.com/aegrail')
    .option('--witness', 'make the key of a witness ("aegrail witness"), which cosigns the logs of others')
    .action((options: Options) => makeKey(options, terminal));
  withJson(command, 'one JSON document');
  withExample(
    command,
    'aegrail keys new --origin example.com/aegrail',
    'aegrail keys new --witness --origin witness.example.com/w1 --dir ./witness',
  );
  return command.addHelpText('after', IN_A_VARIABLE);
}

async function makeKey(options: Options, terminal: Terminal): Promise<void> {
  const place = await placeOf(options, terminal);
  const origin = options.origin ?? place.origin;
  if (origin === null)
    throw new AegrailError(
      'CONFIG_INVALID',
      'the key needs a name: give --origin example.com/aegrail, or a contract file with a signing block',
    );
  const { createKeyring, createWitnessKey } = await import('../signing/keyring-write.ts');
  const { dir } = place;
  const made = options.witness ? createWitnessKey(dir, origin) : createKeyring(dir, origin, new Date());
  const { vkey, id } = made.key;
  if (options.json) await terminal.line(JSON.stringify({ vkey, id, file: made.file, dir }));
  else await terminal.line(vkey);
  for (const line of told(made, place, options, terminal.cwd)) terminal.say(line);
}

/** With a name given and no file, the contract file is not asked: it may be that of another log. */
async function placeOf(options: Options, terminal: Terminal): Promise<KeysPlace> {
  const { origin, dir, config, witness } = options;
  const asksConfig = !witness && (origin === undefined || config !== undefined);
  return keysPlace(asksConfig ? options : { dir: dir ?? './keys' }, terminal);
}

function told({ file, key }: MadeKey, place: KeysPlace, { witness }: Options, cwd: string): string[] {
  const path = shownPath(file, cwd);
  const first = `The private key is in ${path}, which only you can read. Back it up, and do not commit it.`;
  if (witness)
    return [first, `Logs name this witness by the key above; start it with "aegrail witness --key ${path}".`];
  if (place.keyEnv !== null) return [first, `Put the content of this file into the variable ${place.keyEnv}.`];
  if (place.isConfigured) return [first];
  return [
    first,
    'Add to the contract file:',
    'signing:',
    `  origin: ${key.name}`,
    `  keys: ${yaml(shownPath(place.dir, cwd))}`,
  ];
}

/** A path as the contract file has it: one in this folder begins with a dot. JSON's strings are YAML's. */
function yaml(path: string): string {
  const named = isAbsolute(path) ? path : `./${path}`;
  return /^[A-Za-z0-9._/-]+$/.test(named) ? named : JSON.stringify(named);
}
