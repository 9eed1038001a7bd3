import type { Command } from 'commander';
import type { Invocation } from './invocation.ts';
import { addKeysList } from './keys-list.ts';
import { addKeysNew } from './keys-new.ts';
import { addKeysRevoke } from './keys-revoke.ts';
import { addKeysRotate } from './keys-rotate.ts';
import { withConfig } from './options.ts';

/** Adds `aegrail keys` with what is below it. */
export function addKeys(program: Command, invocation: Invocation): void {
  const keys = program.command('keys').description('the Ed25519 keys that sign logs and contracts');
  for (const add of [addKeysNew, addKeysList, addKeysRotate, addKeysRevoke]) withConfig(withDir(add(keys, invocation)));
}

function withDir(command: Command): Command {
  return command.option('--dir <folder>', "folder of the keys (the contract file's signing.keys, or ./keys)");
}
