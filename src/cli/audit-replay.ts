import { resolve } from 'node:path';
import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { LoadedConfig } from '../config/load.ts';
import type { ChainedRecord } from '../core/record.ts';
import { AegrailError } from '../core/errors.ts';
import type { ServerChoice } from '../temporal/settings.ts';
import { readConfigIfThere } from './config.ts';
import { EXIT } from './exit-codes.ts';
import { writingTo } from './export-output.ts';
import type { Invocation } from './invocation.ts';
import { withConfig, withExample, withJson, withLogLevel, withServer } from './options.ts';
import { type Past, readPast } from './past-histories.ts';
import { replayLines } from './replay-lines.ts';
import { otherLimits, readRules, type RuleChoice } from './replay-rules.ts';
import { compareLogs, isReconciled, type Replayed, sameLines, storedLines } from './replay-same.ts';
import type { Terminal } from './terminal.ts';

interface Options extends ServerChoice, RuleChoice {
  readonly config?: string;
  readonly output?: string;
  readonly json?: true;
  readonly logLevel: string;
}

/** Adds `aegrail audit replay`. */
export function addAuditReplay(audit: Command, invocation: Invocation): void {
  const command = audit
    .command('replay')
    .summary('replay a past session: the same, or under other rules, prices and limits')
    .description(
      "replay a past session from its workflow history. Without --with-… the log is made again, byte for byte, and compared with the contract file's store; exit code 1 when they differ. With them it says what would have been refused, killed or cost",
    )
    .argument('<session...>', 'the session, or its history as JSON; of a session that was reset, that of each run')
    .option('--with-policy <file>', "another contract file: its agent of the session's name")
    .option('--with-prices <file>', "another contract file: its prices, or the list's where it has none")
    .option(
      '--with-limits <limits>',
      'other limits, such as usd=0.5,tokens=none,wallSeconds=60,maxToolCalls=5',
      otherLimits,
    )
    .option('-o, --output <file>', 'write the log that was made again')
    .action((named: string[], options: Options) => replay(named, options, invocation));
  withConfig(command);
  withServer(command);
  withLogLevel(command);
  withJson(command, 'one JSON document');
  withExample(
    command,
    'aegrail audit replay sess_1795000000000_3f2a9c81d4e7',
    'aegrail audit replay sess_1795000000000_3f2a9c81d4e7 --with-policy stricter.yaml --with-limits usd=0.01',
    'temporal workflow show -w sess_1795000000000_3f2a9c81d4e7 -o json > history.json && aegrail audit replay history.json',
  );
}

async function replay(named: readonly string[], options: Options, { terminal, endWith }: Invocation): Promise<void> {
  const config = await readConfigIfThere(options.config, terminal.cwd);
  const past = await readPast(named, config, options, terminal);
  const { withPolicy, withPrices, withLimits } = options;
  if (withPolicy ?? withPrices ?? withLimits) return replayOther(past, config, options, terminal);
  const replayed = await replaySame(past, config, options.output, terminal);
  if (replayed.compared?.equal === false) endWith(EXIT.bad);
  if (options.json) return terminal.line(JSON.stringify(replayed));
  for (const line of sameLines(replayed)) await terminal.line(line);
}

async function replaySame(
  past: Past,
  config: LoadedConfig | null,
  output: string | undefined,
  terminal: Terminal,
): Promise<Replayed> {
  const { sessionId, histories } = past;
  const stored = config && (await storedLines(config, sessionId, terminal));
  const lines = await logOf(past, isReconciled(stored));
  if (output !== undefined) await writeLog(output, lines, terminal);
  const { closingOf } = await import('../audit/closing.ts');
  const closed = closingOf(histories.at(-1), '') !== null;
  const { hash: head } = JSON.parse(lines.at(-1) ?? '{}') as ChainedRecord;
  const compared = config && stored && compareLogs(config.source.file, stored, lines, closed);
  return { sessionId, records: lines.length, head, closed, compared };
}

async function replayOther(
  past: Past,
  config: LoadedConfig | null,
  { json, output, ...choice }: Options,
  terminal: Terminal,
): Promise<void> {
  const { sessionId, histories, codec } = past;
  const [{ callsInHistory }, { closingOf }, { rulesWith }, { whatIf }] = await Promise.all([
    import('../audit/asked-in-history.ts'),
    import('../audit/closing.ts'),
    import('../audit/what-if-rules.ts'),
    import('../audit/what-if.ts'),
  ]);
  // What was in flight when a session was ended from outside is posted by the records that reconcile adds.
  const lines = await logOf(past, closingOf(histories.at(-1), '') !== null);
  if (output !== undefined) await writeLog(output, lines, terminal);
  const calls = await callsInHistory(histories, codec);
  const { contract } = calls.opened;
  const { other, predicates } = await readRules(choice, contract, config, terminal);
  const records = lines.map((line) => JSON.parse(line) as ChainedRecord);
  const found = whatIf({ records, contract, calls }, rulesWith(calls, other, predicates));
  if (!json) {
    for (const line of replayLines(found)) await terminal.line(line);
    return;
  }
  const { withPolicy: policy = null, withPrices: prices = null, withLimits: limits = null } = choice;
  await terminal.line(JSON.stringify({ sessionId, rules: { policy, prices, limits }, ...found }));
}

/** The lines of the log, made again. */
async function logOf({ sessionId, histories, codec, bundle }: Past, reconciled: boolean): Promise<readonly string[]> {
  const { regenerateLog } = await import('../audit/regenerate.ts');
  const lines = await regenerateLog(bundle, histories, sessionId, { codec, reconciled });
  if (lines.length > 0) return lines;
  throw new AegrailError('LOG_INVALID', `The session ${sessionId} has no records: it failed before it was opened.`);
}

async function writeLog(output: string, lines: readonly string[], terminal: Terminal): Promise<void> {
  await writingTo(output, () => writeFile(resolve(terminal.cwd, output), lines.map((line) => `${line}\n`).join('')));
  terminal.say(`${lines.length} lines in ${output}`);
}
