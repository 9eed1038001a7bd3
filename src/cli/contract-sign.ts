import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import type { PinnedContract } from '../core/contract.ts';
import { AegrailError } from '../core/errors.ts';
import { lowerGrant } from '../core/limits.ts';
import { agentIdentity } from '../core/principal.ts';
import type { LimitsInput } from '../core/start-input.ts';
import type { Authorization } from '../signing/authorization.ts';
import { readConfig } from './config.ts';
import { writeTextTo } from './contract-file.ts';
import type { Invocation } from './invocation.ts';
import { limitsOf, withLimits } from './limit-options.ts';
import { withConfig, withExample } from './options.ts';
import type { Terminal } from './terminal.ts';

interface Options extends LimitsInput {
  readonly key: string;
  readonly user?: string;
  readonly session?: string;
  readonly expires?: number;
  readonly output?: string;
  readonly config?: string;
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** Adds `aegrail contract sign`. */
export function addContractSign(contract: Command, { terminal }: Invocation): void {
  const command = contract
    .command('sign')
    .description(
      "sign an agent's contract as it is now, prices and tools included: what is written lets sessions of it start where this key is trusted",
    )
    .argument('<agent>', 'name of an agent in the contract file')
    .requiredOption('--key <file>', 'private key, as "aegrail keys new" makes it')
    .option('--user <user>', 'only for this user (otherwise for anybody)')
    .option('--session <id>', 'only for the session of this id: it can not be used again (otherwise any)')
    .option('--expires <duration>', 'after so long no session is started with it: 90s, 10m, 12h, 30d', duration)
    .option('-o, --output <file>', 'write to a file instead of stdout')
    .action((agent: string, options: Options) => sign(agent, options, terminal));
  withLimits(command, 'bound');
  withConfig(command);
  withExample(
    command,
    'aegrail contract sign support-bot --key keys/1f0c2b7a.skey --user ann@acme.com --expires 1h -o ann.note',
    'aegrail start support-bot --user ann@acme.com --input "Where is my order?" --authorization ann.note',
  );
}

async function sign(agent: string, options: Options, terminal: Terminal): Promise<void> {
  const [{ contractsOf }, { readSkeyFile }, { signAuthorization }] = await Promise.all([
    import('./resolved.ts'),
    import('../signing/keyring-file.ts'),
    import('../signing/authorization.ts'),
  ]);
  const key = readSkeyFile(resolve(terminal.cwd, options.key));
  const contracts = await contractsOf(await readConfig(options.config, terminal.cwd), terminal);
  const authorization = authorizationOf(contractOf(agent, contracts), options, Date.now());
  const note = signAuthorization(authorization, key);
  if (options.output === undefined) return terminal.line(note.trimEnd());
  await writeTextTo(resolve(terminal.cwd, options.output), note);
  terminal.say(`signed ${authorization.agent_identity} with ${key.verifier.id}: ${options.output}`);
}

function authorizationOf(
  { contract, sha256 }: PinnedContract,
  { user, session, expires, ...options }: Options,
  nowMs: number,
): Authorization {
  const limits = limitsOf(options) ?? null;
  // What is above the contract would never start.
  lowerGrant(contract.limits, limits ?? {});
  return {
    v: 1,
    agent_identity: agentIdentity(contract.agent, contract.version),
    contract_sha256: sha256,
    user: user ?? null,
    session_id: session ?? null,
    limits,
    not_after: expires === undefined ? null : new Date(nowMs + expires * 1000).toISOString(),
  };
}

function contractOf(agent: string, contracts: readonly PinnedContract[]): PinnedContract {
  const found = contracts.find(({ contract }) => contract.agent === agent);
  if (found) return found;
  const known = contracts.map(({ contract }) => contract.agent).join(', ');
  throw new AegrailError(
    'AGENT_UNKNOWN',
    `There is no agent ${JSON.stringify(agent)} in the contract file. The agents are: ${known}.`,
  );
}

function duration(text: string): number {
  const [, number = '', unit = ''] = /^([1-9]\d{0,6})([smhd])$/.exec(text) ?? [];
  if (number === '') throw new InvalidArgumentError('It must be a duration such as 90s, 10m, 12h or 30d.');
  return Number(number) * (UNIT_SECONDS[unit] ?? 1);
}
