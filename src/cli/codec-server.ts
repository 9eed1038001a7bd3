import { once } from 'node:events';
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { AegrailError } from '../core/errors.ts';
import { EXIT } from './exit-codes.ts';
import type { Invocation } from './invocation.ts';
import { withConfig, withExample, withJson } from './options.ts';
import { payloadCodecFor } from './payload-codec.ts';
import { listenForStop } from './stop-signals.ts';
import type { Terminal } from './terminal.ts';

interface Options {
  readonly listen?: Listen;
  readonly origin?: readonly string[];
  readonly tokenEnv: string;
  readonly config?: string;
  readonly json?: true;
}

interface Listen {
  readonly host: string;
  readonly port: number;
}

const DEFAULT_LISTEN: Listen = { host: '127.0.0.1', port: 8888 };
const DEFAULT_TOKEN_ENV = 'AEGRAIL_CODEC_TOKEN';

/** Adds `aegrail codec-server`. */
export function addCodecServer(program: Command, { terminal }: Invocation): void {
  const command = program
    .command('codec-server')
    .summary('decrypt payloads for the Temporal Web UI and CLI, until Ctrl-C')
    .description(
      'decrypt payloads for the Temporal Web UI and CLI, until Ctrl-C. Whoever has its token and reaches it reads what the keys read. ' +
        'The keys are those of the contract file, or without one those of AEGRAIL_PAYLOAD_KEYS',
    )
    .option('--listen <host:port>', 'where it listens (127.0.0.1:8888); port 0 for a free one', listen)
    .option('--origin <url>', 'a page that may call it, such as http://127.0.0.1:8233; may be given again', collect)
    .option('--token-env <name>', 'environment variable with the bearer token', DEFAULT_TOKEN_ENV)
    .action((options: Options) => codecServer(options, terminal));
  withConfig(command);
  withJson(command, 'a line of JSON when ready');
  withExample(
    command,
    'export AEGRAIL_CODEC_TOKEN="$(openssl rand -hex 24)"',
    'aegrail codec-server --origin http://127.0.0.1:8233',
    '',
    "Temporal's CLI:",
    '  temporal workflow show -w ID --codec-endpoint http://127.0.0.1:8888 --codec-auth "Bearer $AEGRAIL_CODEC_TOKEN"',
    "Temporal's Web UI, whose address is the --origin: the glasses at the top right, then the address with the token in",
    'its path, since over plain HTTP the Web UI sends no header:',
    '  http://127.0.0.1:8888/TOKEN',
  );
}

async function codecServer(options: Options, terminal: Terminal): Promise<void> {
  const stop = listenForStop(() => process.exit(EXIT.interrupted));
  try {
    const { listen: { host, port } = DEFAULT_LISTEN, origin: origins = [] } = options;
    const token = tokenOf(options.tokenEnv, terminal);
    const codec = await payloadCodecFor(options.config, terminal);
    if (!codec) throw new AegrailError('CONFIG_INVALID', NO_KEYS);
    const { startCodecServer } = await import('../codec/server.ts');
    const onProblem = (message: string): void => terminal.say(message);
    const server = await startCodecServer({ codec, host, port, token, origins, onProblem });
    if (!/^(127\.|localhost$|::1$)/.test(host))
      terminal.say(
        `${host} is not this machine alone: put TLS in front, or token and payloads go over the network in clear`,
      );
    await terminal.line(
      options.json ? JSON.stringify({ event: 'ready', url: server.url }) : readyLine(server.url, origins),
    );
    if (!stop.signal.aborted) await once(stop.signal, 'abort');
    await server.close();
  } finally {
    stop.release();
  }
}

const NO_KEYS =
  'There are no payload keys: name a contract file that has encryption with --config, or set AEGRAIL_PAYLOAD_KEYS where there is no contract file.';

function tokenOf(name: string, { env }: Terminal): string {
  const token = env[name];
  if (token) return token;
  const how = `Set ${name} to 16 characters or more, for example with: export ${name}="$(openssl rand -hex 24)"`;
  throw new AegrailError('CONFIG_INVALID', `The codec server needs a token, and ${name} is not set. ${how}`);
}

function readyLine(url: string, origins: readonly string[]): string {
  const pages = origins.length === 0 ? 'for no web page (--origin allows one)' : `for pages of ${origins.join(', ')}`;
  return `ready: ${url} ${pages}. Ctrl-C ends it.`;
}

function collect(origin: string, before: readonly string[] = []): string[] {
  return [...before, origin];
}

/** `host:port`, `[::1]:port`, or a port alone. */
function listen(text: string): Listen {
  const [, bracketed, plain, digits] = /^(?:(?:\[([0-9A-Fa-f:]+)\]|([^:[\]\s]+)):)?(\d{1,5})$/.exec(text) ?? [];
  if (digits === undefined || Number(digits) > 65_535)
    throw new InvalidArgumentError('It must be host:port, such as 127.0.0.1:8888.');
  return { host: bracketed ?? plain ?? DEFAULT_LISTEN.host, port: Number(digits) };
}
