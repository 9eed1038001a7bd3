import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { messageOf } from '../core/errors.ts';
import { EXIT } from './exit-codes.ts';
import type { Invocation } from './invocation.ts';
import { withExample, withJson } from './options.ts';
import { listenForStop } from './stop-signals.ts';
import type { Terminal } from './terminal.ts';

interface Address {
  readonly host: string;
  readonly port: number;
}

interface Options {
  readonly listen: Address;
  readonly key: string;
  readonly trust: readonly string[];
  readonly state: string;
  readonly json?: true;
}

/** Adds `aegrail witness`. */
export function addWitness(program: Command, { terminal }: Invocation): void {
  const command = program
    .command('witness')
    .description('cosign the checkpoints of logs, each only when it continues the last one (C2SP tlog-witness)')
    .requiredOption('--key <file>', 'private key of this witness, made by "aegrail keys new --witness"')
    .requiredOption('--trust <vkey...>', "verifier keys of the logs to watch; a key's name is its log's origin")
    .requiredOption('--state <folder>', 'where the last checkpoint of each log is kept: lost, a fork goes unseen')
    .option('--listen <host:port>', 'address to listen on; port 0 for a free one', address, {
      host: '127.0.0.1',
      port: 7_380,
    })
    .action((options: Options) => witness(options, terminal));
  withJson(command, 'a line of JSON when ready');
  withExample(
    command,
    'aegrail witness --key witness/c31e6208.skey --trust example.com/aegrail+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k --state ./witness-state',
  );
}

async function witness({ listen, key, trust, state, json }: Options, terminal: Terminal): Promise<void> {
  const stop = listenForStop(() => process.exit(EXIT.interrupted));
  try {
    const [{ readSkeyFile }, { parseVkey }, { openWitnessState }, { serveWitness }] = await Promise.all([
      import('../signing/keyring-file.ts'),
      import('../signing/key.ts'),
      import('../witness/state.ts'),
      import('../witness/server.ts'),
    ]);
    const signing = readSkeyFile(resolve(terminal.cwd, key), 'cosignature');
    const trusted = trust.map((vkey) => parseVkey(vkey));
    const memory = openWitnessState(resolve(terminal.cwd, state));
    try {
      const watched = { key: signing, trusted, state: memory, now: () => Date.now() };
      const server = await serveWitness(watched, listen, (error) => terminal.say(`aegrail: ${messageOf(error)}`));
      const { vkey } = signing.verifier;
      const origins = [...new Set(trusted.map(({ name }) => name))];
      if (json) await terminal.line(JSON.stringify({ event: 'ready', url: server.url, key: vkey, origins }));
      else terminal.say(`ready: ${vkey} on ${server.url} for ${origins.join(', ')}`);
      if (!stop.signal.aborted)
        await new Promise((done) => stop.signal.addEventListener('abort', done, { once: true }));
      terminal.say('stopping');
      await server.close();
    } finally {
      memory.close();
    }
  } finally {
    stop.release();
  }
}

function address(text: string): Address {
  const [, bracketed, plain, digits = ''] = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+)):(\d{1,5})$/i.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(digits) > 65_535 || (bracketed !== undefined && isIP(bracketed) !== 6))
    throw new InvalidArgumentError('It must be host:port, such as 127.0.0.1:7380 or [::1]:7380.');
  return { host, port: Number(digits) };
}
