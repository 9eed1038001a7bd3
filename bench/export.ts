import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { LINE_FORMATS } from '../src/audit/export-formats.ts';
import { openSqliteStore } from '../src/store/sqlite.ts';
import { fillStore } from './lib/big-store.ts';
import { benchContract } from './lib/contract.ts';
import { type Finding, passed, table } from './lib/finding.ts';

/*
 * Exports a gigabyte of records with the real command, in each format, and finds the most memory that it had and how fast
 * it was. It needs no server, but 3 GB in the temporary folder, and about three minutes:
 *
 *   node bench/export.ts [--sessions 100]
 */

const BIN = fileURLToPath(new URL('../src/cli/bin.mjs', import.meta.url));
const MAX_RSS = new URL('lib/max-rss.mjs', import.meta.url).href;
const RECORDS_OF_EACH = 12_500;
const MAX_RESIDENT_MB = 300;

const [, sessionsText = '100'] = /--sessions[ =](\d+)/.exec(process.argv.slice(2).join(' ')) ?? [];

const dir = await mkdtemp(join(tmpdir(), 'aegrail-bench-export-'));
try {
  await makeStore();
  const findings: Finding[] = [];
  for (const format of ['bundle', ...LINE_FORMATS]) findings.push(...(await measure(format)));
  process.stdout.write(`${table(findings)}\n`);
  if (findings.some((finding) => passed(finding) === false)) process.exitCode = 1;
} finally {
  await rm(dir, { recursive: true, force: true });
}

async function makeStore(): Promise<void> {
  const { store: url, ...contract } = benchContract('none');
  await writeFile(join(dir, 'aegrail.json'), JSON.stringify({ ...contract, store: url }));
  const store = openSqliteStore(join(dir, 'store.db'));
  await fillStore(store, { sessions: Number(sessionsText), recordsOfEach: RECORDS_OF_EACH }, say);
  await store.close();
}

/** Runs the command in a process of its own. Lines are read from its stdout as fast as they come. */
async function measure(format: string): Promise<Finding[]> {
  const rss = join(dir, 'rss');
  const startedMs = performance.now();
  const child = spawn(
    process.execPath,
    [
      '--import',
      MAX_RSS,
      BIN,
      'audit',
      'export',
      '--all',
      '--format',
      format,
      ...(format === 'bundle' ? ['-o', 'out'] : []),
    ],
    { cwd: dir, env: { ...process.env, AEGRAIL_BENCH_RSS: rss }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let bytes = 0;
  child.stdout.on('data', (chunk: Buffer) => (bytes += chunk.length));
  const said = text(child.stderr);
  const code = await new Promise((done) => child.on('close', done));
  const seconds = (performance.now() - startedMs) / 1000;
  say(`${format}: ${(await said).trim().split('\n').at(-1) ?? ''}`);
  if (code !== 0) throw new Error(`the export of ${format} ended with ${String(code)}`);
  if (format === 'bundle') bytes = await bytesOf(join(dir, 'out'));
  await rm(join(dir, 'out'), { recursive: true, force: true });
  const residentMb = Number(await readFile(rss, 'utf8')) / 1e6;
  return [
    { name: `${format}: resident memory`, value: residentMb, unit: 'MB', target: MAX_RESIDENT_MB },
    { name: `${format}: written`, value: bytes / 1e6, unit: 'MB', target: null },
    { name: `${format}: speed`, value: bytes / 1e6 / seconds, unit: 'MB/s', target: null },
  ];
}

async function bytesOf(folder: string): Promise<number> {
  const sizes = (await readdir(folder)).map(async (name) => (await stat(join(folder, name))).size);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

function say(line: string): void {
  process.stderr.write(`export: ${line}\n`);
}
