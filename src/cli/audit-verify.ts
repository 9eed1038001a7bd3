import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Verification, VerifiedSession } from '../audit/verify.ts';
import { AegrailError, messageOf } from '../core/errors.ts';
import { EXIT } from './exit-codes.ts';
import type { Invocation } from './invocation.ts';
import { withExample, withJson } from './options.ts';
import { printable } from './text.ts';

interface Options {
  readonly json?: true;
}

/** Adds `aegrail audit verify`. */
export function addAuditVerify(audit: Command, invocation: Invocation): void {
  const command = audit
    .command('verify')
    .description('verify a log: hashes, chain, form, and the ledger folded again; exit code 1 names the first bad line')
    .argument('<file>', 'JSON lines, or - for stdin')
    .action((file: string, options: Options) => verify(file, options, invocation));
  withJson(command, 'one JSON document');
  withExample(
    command,
    'aegrail audit verify log.jsonl',
    'aegrail audit export sess_1795000000000_3f2a9c81d4e7 | aegrail audit verify -',
  );
}

async function verify(file: string, { json }: Options, { terminal, endWith }: Invocation): Promise<void> {
  const verification = await verifyFile(file, terminal.cwd);
  if (!verification.ok) endWith(EXIT.bad);
  if (json) return terminal.line(JSON.stringify({ file, ...verification }));
  if (!verification.ok) return terminal.line(printable(wrong(file, verification)));
  for (const line of summary(file, verification)) await terminal.line(line);
}

async function verifyFile(file: string, cwd: string): Promise<Verification> {
  const [{ verifyLog }, { readLines, splitLines }, { ledgerCheck }] = await Promise.all([
    import('../audit/verify.ts'),
    import('../audit/lines.ts'),
    import('../audit/ledger-check.ts'),
  ]);
  const lines = file === '-' ? splitLines(process.stdin) : readLines(resolve(cwd, file));
  try {
    return await verifyLog(lines, { checkRecord: ledgerCheck });
  } catch (thrown) {
    if (typeof (thrown as NodeJS.ErrnoException).code !== 'string' || thrown instanceof AegrailError) throw thrown;
    throw new AegrailError('CONFIG_INVALID', `${file} can not be read: ${messageOf(thrown)}`, { cause: thrown });
  }
}

/** As a compiler says it: where, the fault's name in docs/AUDIT.md, and what it means here. */
function wrong(file: string, { line, fault, why }: Extract<Verification, { ok: false }>): string {
  return `${file}:${line}: ${fault}: ${why}`;
}

function summary(file: string, { sessions, records, unknown }: Extract<Verification, { ok: true }>): string[] {
  const newer = unknown === 0 ? '' : `; ${unknown} of a newer version, of which only the chain was checked`;
  const head = `${file}: ok, ${counted(records, 'record')} of ${counted(sessions.length, 'session')}${newer}`;
  return [head, ...sessions.map(sessionLine)];
}

function sessionLine({ sessionId, records, head, ended }: VerifiedSession): string {
  const open = ended ? '' : ', not ended: it runs, or its tail is missing';
  return printable(`${sessionId}: ${counted(records, 'record')}, head ${head}${open}`);
}

function counted(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
