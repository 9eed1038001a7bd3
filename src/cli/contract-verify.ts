import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Authorization } from '../signing/authorization.ts';
import { readConfigIfThere } from './config.ts';
import { readNoteFile } from './contract-file.ts';
import { EXIT } from './exit-codes.ts';
import type { Invocation } from './invocation.ts';
import { withConfig, withExample, withJson } from './options.ts';
import type { Terminal } from './terminal.ts';
import { printable } from './text.ts';

interface Options {
  readonly key?: readonly string[];
  readonly config?: string;
  readonly json?: true;
}

/** Adds `aegrail contract verify`. */
export function addContractVerify(contract: Command, invocation: Invocation): void {
  const command = contract
    .command('verify')
    .description(
      "verify a signed contract: exit code 1 when no trusted key signed it, it has expired, or it is not the contract file's as it is now",
    )
    .argument('<file>', 'what "aegrail contract sign" wrote')
    .option('--key <vkey...>', "verifier keys that are trusted (otherwise the contract file's trustedContractKeys)")
    .action((file: string, options: Options) => verify(file, options, invocation));
  withConfig(command);
  withJson(command, 'one JSON document');
  withExample(command, 'aegrail contract verify ann.note');
}

async function verify(file: string, options: Options, { terminal, endWith }: Invocation): Promise<void> {
  const { parseAuthorization } = await import('../signing/authorization.ts');
  const note = await readNoteFile(resolve(terminal.cwd, file), file);
  let authorization: Authorization | null = null;
  let problem: string | null;
  try {
    authorization = parseAuthorization(note).authorization;
    problem = await problemOf(note, authorization, options, terminal);
  } catch (thrown) {
    const { AegrailError } = await import('../core/errors.ts');
    if (!(thrown instanceof AegrailError) || thrown.code !== 'CONTRACT_UNTRUSTED') throw thrown;
    problem = thrown.message;
  }
  if (problem !== null) endWith(EXIT.bad);
  if (options.json) return terminal.line(JSON.stringify({ file, ok: problem === null, why: problem, authorization }));
  if (problem !== null) return terminal.line(printable(`${file}: ${problem}`));
  return terminal.line(printable(`${file}: good, ${wordsFor(authorization)}`));
}

async function problemOf(
  note: string,
  authorization: Authorization,
  { key, config }: Options,
  terminal: Terminal,
): Promise<string | null> {
  const [{ authorizationProblem }, { parseVkey }] = await Promise.all([
    import('../signing/authorization.ts'),
    import('../signing/key.ts'),
  ]);
  const loaded = await readConfigIfThere(config, terminal.cwd);
  const trusted = (key ?? loaded?.file.trustedContractKeys ?? []).map((vkey) => parseVkey(vkey));
  if (trusted.length === 0) return 'there is no trusted key to check it by: give --key, or trustedContractKeys';
  let contractSha256 = authorization.contract_sha256;
  if (loaded) {
    const { contractsOf } = await import('./resolved.ts');
    const name = authorization.agent_identity.split('/')[0];
    const pinned = (await contractsOf(loaded, terminal)).find(({ contract }) => contract.agent === name);
    if (!pinned) return `the contract file has no agent ${name}`;
    contractSha256 = pinned.sha256;
  }
  return authorizationProblem(note, trusted, {
    agentIdentity: authorization.agent_identity,
    contractSha256,
    user: authorization.user ?? '',
    sessionId: authorization.session_id ?? '',
    startedMs: Date.now(),
  });
}

function wordsFor(authorization: Authorization | null): string {
  if (!authorization) return '';
  const { agent_identity, user, session_id, limits, not_after, contract_sha256 } = authorization;
  return [
    agent_identity,
    `contract ${contract_sha256.slice(0, 12)}…`,
    user === null ? 'for any user' : `for ${user}`,
    session_id === null ? 'any session' : `session ${session_id}`,
    ...(limits === null ? [] : [`limits ${JSON.stringify(limits)}`]),
    not_after === null ? 'without expiry' : `until ${not_after}`,
  ].join(', ');
}
