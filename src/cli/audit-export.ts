import { existsSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { AegrailError, messageOf } from '../core/errors.ts';
import type { ServerChoice } from '../temporal/settings.ts';
import { readConfig, readConfigIfThere } from './config.ts';
import type { Invocation } from './invocation.ts';
import { withConfig, withExample, withJson, withLogLevel, withServer } from './options.ts';
import { describeSession } from './session-state.ts';
import type { Terminal } from './terminal.ts';
import { withClient } from './with-client.ts';

interface Options extends ServerChoice {
  readonly config?: string;
  readonly from: 'store' | 'history';
  readonly output?: string;
  readonly logLevel: string;
}

/** Adds `aegrail audit export`. */
export function addAuditExport(audit: Command, { terminal }: Invocation): void {
  const command = audit
    .command('export')
    .description("write a session's chained log as JSON lines")
    .argument('<id>', 'the session')
    .addOption(
      new Option(
        '--from <where>',
        "the contract file's store, or the session's workflow history, from which the log is made again",
      )
        .choices(['store', 'history'])
        .default('store'),
    )
    .option('-o, --output <file>', 'write to a file instead of stdout')
    .action((id: string, options: Options) => exportLog(id, options, terminal));
  withConfig(command);
  withServer(command);
  withLogLevel(command);
  withJson(command, 'JSON lines, as without it,');
  withExample(command, 'aegrail audit export sess_1795000000000_3f2a9c81d4e7 -o log.jsonl');
}

async function exportLog(id: string, options: Options, terminal: Terminal): Promise<void> {
  const lines = options.from === 'store' ? fromStore(id, options, terminal) : fromHistory(id, options, terminal);
  if (options.output === undefined) {
    for await (const line of lines) await terminal.line(line);
    return;
  }
  const records = await writeFile(resolve(terminal.cwd, options.output), lines);
  terminal.say(`${records} records in ${options.output}`);
}

async function* fromStore(id: string, options: Options, terminal: Terminal): AsyncGenerator<string, void, undefined> {
  const { file, source } = await readConfig(options.config, terminal.cwd);
  const [{ openStore }, { lineOf }] = await Promise.all([import('../store/open.ts'), import('../core/chain.ts')]);
  const path = /^sqlite:(?!:memory:)(.+)$/.exec(file.store)?.[1];
  // Opening would make an empty one.
  if (path !== undefined && !existsSync(resolve(source.baseDir, path))) {
    throw new AegrailError(
      'CONFIG_INVALID',
      `The store of ${source.file} is not there (${path}): no worker has written to it. Name the contract file with --config, or use --from history.`,
    );
  }
  const store = await openStore(file.store, source.baseDir, terminal.env);
  try {
    let isEmpty = true;
    for await (const record of store.records(id)) {
      isEmpty = false;
      yield lineOf(record);
    }
    if (isEmpty) throw new AegrailError('SESSION_UNKNOWN', `The store of ${source.file} has no session ${id}.`);
  } finally {
    await store.close();
  }
}

async function* fromHistory(id: string, options: Options, terminal: Terminal): AsyncGenerator<string, void, undefined> {
  // Its predicates are part of the workflow's code.
  const config = await readConfigIfThere(options.config, terminal.cwd);
  const history = await withClient(options, terminal, async ({ aegrail }) => {
    const session = aegrail.session(id);
    await describeSession(session);
    return session.handle.fetchHistory();
  });
  const [{ bundleWorkflows }, { bundleFor }, { regenerateLog }, { installRuntime }, { stderrLogger }] =
    await Promise.all([
      import('../bundle/bundle.ts'),
      import('./serve.ts'),
      import('../audit/regenerate.ts'),
      import('../temporal/runtime.ts'),
      import('./logger.ts'),
    ]);
  installRuntime(stderrLogger(options.logLevel));
  terminal.say('making the log again from the workflow history');
  const lines = await regenerateLog(config ? await bundleFor(config) : await bundleWorkflows(), history, id);
  if (lines.length === 0)
    throw new AegrailError('LOG_INVALID', `The session ${id} has no records: it failed before it was opened.`);
  yield* lines;
}

async function writeFile(path: string, lines: AsyncIterable<string>): Promise<number> {
  let records = 0;
  let handle: FileHandle | undefined;
  try {
    for await (const line of lines) {
      // Opened with the first line: an export that fails leaves alone what is there.
      handle ??= await open(path, 'w');
      await handle.write(`${line}\n`);
      records += 1;
    }
    return records;
  } catch (thrown) {
    if (!(thrown instanceof Error && 'syscall' in thrown)) throw thrown;
    throw new AegrailError('CONFIG_INVALID', `${path} can not be written: ${messageOf(thrown)}`, { cause: thrown });
  } finally {
    await handle?.close();
  }
}
