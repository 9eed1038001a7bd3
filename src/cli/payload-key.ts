import type { Command } from 'commander';
import type { Invocation } from './invocation.ts';
import { withExample, withJson } from './options.ts';

interface Options {
  readonly id?: string;
  readonly json?: true;
}

/** Adds `aegrail payload-key`. */
export function addPayloadKey(program: Command, { terminal }: Invocation): void {
  const command = program
    .command('payload-key')
    .description(
      'print a new key for the encryption of payloads, as AEGRAIL_PAYLOAD_KEYS and a key file take it: id:base64. It is kept nowhere',
    )
    .option('--id <name>', 'the id of the key, which is in clear in every payload (otherwise a random one)')
    .action(async ({ id, json }: Options) => {
      const { generatePayloadKey } = await import('../codec/keys.ts');
      const line = generatePayloadKey(id);
      await terminal.line(json ? JSON.stringify({ key: line }) : line);
    });
  withJson(command, 'one JSON document');
  withExample(
    command,
    'umask 077; aegrail payload-key > payload-keys',
    'AEGRAIL_PAYLOAD_KEYS="$(aegrail payload-key --id 2027-01),$AEGRAIL_PAYLOAD_KEYS"   # a new key goes first',
  );
}
