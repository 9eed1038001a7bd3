import { type Stats, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Audit, Auditor } from '../audit/audit.ts';
import type { SessionHistories } from '../audit/history-check.ts';
import { AegrailError, messageOf } from '../core/errors.ts';
import type { HistoryChoice } from './history-lines.ts';
import { EXIT } from './exit-codes.ts';
import type { Invocation } from './invocation.ts';
import { withConfig, withExample, withJson, withLogLevel, withServer } from './options.ts';
import type { Terminal } from './terminal.ts';
import { trustFrom, type TrustOptions } from './trust.ts';
import { isSound, verdictJson, verdictLines } from './verdict-lines.ts';
import { verifyProgress } from './verify-progress.ts';

interface Options extends TrustOptions, HistoryChoice {
  readonly againstHistory?: true;
  readonly strict?: true;
  readonly json?: true;
}

/** Adds `aegrail audit verify`. */
export function addAuditVerify(audit: Command, invocation: Invocation): void {
  const command = audit
    .command('verify')
    .description(
      'verify a bundle or a log: integrity, completeness, authenticity, ledger, history; exit code 1 names what is wrong, and where',
    )
    .argument('<bundle>', "a bundle's folder, a file of JSON lines, or - for JSON lines from stdin")
    .option('--key <vkey>', 'a key that the log must be signed by, or a file with such; may be given again', gathered)
    .option('--witness <vkey>', 'a witness that must have cosigned the last checkpoint; may be given again', gathered)
    .option(
      '--checkpoint <file>',
      'checkpoints that were kept elsewhere, which must be in the log; may be given again',
      gathered,
    )
    .option('--against-history', "compare with the sessions' workflow histories in Temporal")
    .option('--strict', 'exit code 1 also when something could not be checked')
    .action((target: string, options: Options) => verify(target, options, invocation));
  withConfig(command);
  withServer(command);
  withLogLevel(command);
  withJson(command, 'one JSON document');
  withExample(
    command,
    'aegrail audit verify evidence --key example.com/aegrail+3f2a9c81+AYVc…',
    'aegrail audit verify evidence --key keys.txt --checkpoint audit.checkpoints.jsonl --against-history --strict',
    'aegrail audit verify log.jsonl',
  );
}

function gathered(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

async function verify(target: string, options: Options, { terminal, endWith }: Invocation): Promise<void> {
  const audit = options.againstHistory
    ? await withHistories(options, terminal, (histories) => auditTarget(target, options, histories, terminal))
    : await auditTarget(target, options, null, terminal);
  terminal.endLive();
  const strict = options.strict ?? false;
  if (!isSound(audit, strict)) endWith(EXIT.bad);
  if (options.json) return terminal.line(JSON.stringify(verdictJson(target, audit, strict)));
  for (const line of verdictLines(target, audit)) await terminal.line(line);
}

/** @throws AegrailError CONFIG_INVALID when what is needed can't be read, or does not go together */
async function auditTarget(
  target: string,
  options: TrustOptions,
  histories: SessionHistories | null,
  terminal: Terminal,
): Promise<Audit> {
  const path = resolve(terminal.cwd, target);
  const isBundle = target !== '-' && statOf(path, target).isDirectory();
  if (!isBundle && (options.witness ?? options.checkpoint) !== undefined)
    throw new AegrailError(
      'CONFIG_INVALID',
      `${target} is no bundle: only a bundle has checkpoints for --witness and --checkpoint.`,
    );
  const auditor: Auditor = { ...(await trustFrom(options, terminal)), histories, onProgress: verifyProgress(terminal) };
  const [{ auditBundle, auditFile }, { folderSource }, { readChunks }] = await Promise.all([
    import('../audit/audit.ts'),
    import('../audit/bundle-source.ts'),
    import('../audit/lines.ts'),
  ]);
  try {
    if (isBundle) return await auditBundle(folderSource(path), auditor);
    if (target === '-') return await auditFile(process.stdin, null, auditor);
    return await auditFile(readChunks(path), () => readChunks(path), auditor);
  } catch (thrown) {
    throw unreadable(target, thrown);
  }
}

function statOf(path: string, target: string): Stats {
  try {
    return statSync(path);
  } catch (thrown) {
    throw unreadable(target, thrown);
  }
}

/** The file system's errors in our words; others as they are. */
function unreadable(target: string, thrown: unknown): unknown {
  const isOfFiles = thrown instanceof Error && 'syscall' in thrown && !(thrown instanceof AegrailError);
  if (!isOfFiles) return thrown;
  return new AegrailError('CONFIG_INVALID', `${target} can not be read: ${messageOf(thrown)}`, { cause: thrown });
}

async function withHistories<T>(
  options: HistoryChoice,
  terminal: Terminal,
  work: (histories: SessionHistories) => Promise<T>,
): Promise<T> {
  const [{ withClient }, { sessionHistories }] = await Promise.all([
    import('./with-client.ts'),
    import('./session-histories.ts'),
  ]);
  return withClient(options, terminal, async ({ client }) => {
    const histories = sessionHistories(client, options, terminal);
    try {
      return await work(histories);
    } finally {
      await histories.close();
    }
  });
}
