import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import type { BundleQuery } from '../audit/bundle-format.ts';
import type { LineFormat } from '../audit/export-formats.ts';
import { AegrailError } from '../core/errors.ts';
import type { ServerChoice } from '../temporal/settings.ts';
import { EXIT } from './exit-codes.ts';
import { type Exporting, exportBundleTo } from './export-bundle-to.ts';
import { linesToFile, linesToStdout, writingTo } from './export-output.ts';
import { exportProgress } from './export-progress.ts';
import { queryOf, type QueryOptions, sinceTime, untilTime } from './export-query.ts';
import { historyLines } from './history-lines.ts';
import type { Invocation } from './invocation.ts';
import { withConfig, withExample, withJson, withLogLevel, withServer } from './options.ts';
import { listenForStop } from './stop-signals.ts';
import { withStore } from './with-store.ts';

interface Options extends QueryOptions, ServerChoice {
  readonly config?: string;
  readonly from: 'store' | 'history';
  readonly format?: 'bundle' | LineFormat;
  readonly output?: string;
  readonly json?: true;
  readonly logLevel: string;
}

/** Adds `aegrail audit export`. */
export function addAuditExport(audit: Command, invocation: Invocation): void {
  const command = audit
    .command('export')
    .description('write the logs of sessions: a bundle that an auditor can verify alone, or a format of other tools')
    .argument('[id]', 'the session, short for --session')
    .option('--session <id>', 'one session')
    .option('--tree', 'with the session all below it: those of its sub-agents, and theirs')
    .option('--since <time>', 'sessions with a record at or after it: ISO 8601 with a zone, or a day (UTC)', sinceTime)
    .option('--until <time>', 'sessions that started before it; of a day, before its end', untilTime)
    .option('--agent <name>', "an agent's sessions: name, or name/version")
    .option('--user <user>', 'the sessions for a user')
    .option('--all', 'every session')
    .addOption(
      new Option(
        '--format <format>',
        'bundle (a folder: records, checkpoints, contracts, keys, manifest), or lines (default: bundle)',
      ).choices(['bundle', 'jsonl', 'csv', 'ocsf', 'otlp']),
    )
    .option(
      '-o, --output <path>',
      'where: the folder of a bundle (default: aegrail-audit-… here), the file of lines (default: stdout)',
    )
    .addOption(
      new Option(
        '--from <where>',
        "the contract file's store, or a session's workflow history, from which the log is made again as jsonl",
      )
        .choices(['store', 'history'])
        .default('store'),
    )
    .action((id: string | undefined, options: Options) => exportLogs(id, options, invocation));
  withConfig(command);
  withServer(command);
  withLogLevel(command);
  withJson(command, 'what was written as one JSON document, or lines as without it,');
  withExample(
    command,
    'aegrail audit export sess_1795000000000_3f2a9c81d4e7 -o evidence',
    'aegrail audit export sess_1795000000000_3f2a9c81d4e7 --tree -o evidence',
    'aegrail audit export --agent support-bot --since 2026-01-01 --until 2026-01-31',
    'aegrail audit export --all --format csv -o log.csv',
  );
}

async function exportLogs(id: string | undefined, options: Options, invocation: Invocation): Promise<void> {
  const { terminal, endWith } = invocation;
  const query = queryOf(id, options);
  const format = formatOf(options, query);
  // Who presses Ctrl-C twice does not wait for a store that hangs. What was written is removed at the process's exit.
  const stop = listenForStop(() => process.exit(EXIT.interrupted));
  const progress = exportProgress(terminal);
  const exporting: Exporting = {
    query,
    output: options.output,
    json: options.json,
    terminal,
    progress,
    stop: stop.signal,
  };
  try {
    if (options.from === 'history') await exportLines(historyLines(query.session ?? '', options, terminal), exporting);
    else
      await withStore(
        options.config,
        terminal,
        async (store) => {
          if (format === 'bundle') return exportBundleTo({ ...exporting, store });
          const [{ selectedLines, firstSession }, { formatLines }] = await Promise.all([
            import('../audit/selected.ts'),
            import('../audit/export-formats.ts'),
          ]);
          await firstSession({ store, query });
          return exportLines(
            formatLines(format, selectedLines({ store, query }, { onLine: progress.onRecord })),
            exporting,
          );
        },
        ', or use --from history',
      );
  } catch (thrown) {
    if (!stop.signal.aborted) throw thrown;
    terminal.say('stopped before its end: no file and no folder is left of it');
    endWith(EXIT.interrupted);
  } finally {
    stop.release();
  }
}

/** @throws AegrailError INPUT_INVALID */
function formatOf({ from, format }: Options, query: BundleQuery): 'bundle' | LineFormat {
  if (from === 'store') return format ?? 'bundle';
  if (query.below)
    throw new AegrailError(
      'INPUT_INVALID',
      '--from history makes the log of one session, and not of those below it: leave out --tree, and name each.',
    );
  if (query.session === undefined || Object.keys(query).length > 1)
    throw new AegrailError('INPUT_INVALID', '--from history makes the log of one session: name it, and nothing else.');
  if (format !== undefined && format !== 'jsonl')
    throw new AegrailError('INPUT_INVALID', `--from history gives jsonl, and not ${format}.`);
  return 'jsonl';
}

async function exportLines(lines: AsyncIterable<string>, exporting: Exporting): Promise<void> {
  const { output, json, terminal, stop } = exporting;
  const { onBlock } = exporting.progress;
  if (output === undefined || output === '-') return linesToStdout(lines, terminal, onBlock, stop);
  const written = await writingTo(output, () => linesToFile(lines, resolve(terminal.cwd, output), onBlock, stop));
  if (json) return terminal.line(JSON.stringify({ file: output, ...written }));
  terminal.say(`${written.lines} lines in ${output}`);
}
