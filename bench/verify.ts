import { hash } from 'node:crypto';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { auditFile } from '../src/audit/audit.ts';
import { readChunks, readLines } from '../src/audit/lines.ts';
import { type Finding, passed, table } from './lib/finding.ts';
import { median } from './lib/statistics.ts';
import { writeLog } from './verify-log.ts';

/**
 * How long a log of a million records takes to verify, against reading it with JSON.parse and SHA-256 alone, by the CPU time
 * of this process: with others on the machine the clock on the wall says nothing. `node bench/verify.ts [--records N] [--json]`.
 */

const RECORDS = 1_000_000;
/** Each is done so often, in turns; the first turn of both is thrown away. */
const TURNS = 4;
/** At least half the speed. */
const TARGET = 2;

/** What any reader of the log does: each line parsed, and its bytes hashed. */
async function read(path: string): Promise<void> {
  for await (const line of readLines(path)) {
    JSON.parse(line);
    hash('sha256', line, 'hex');
  }
}

/** What `aegrail audit verify FILE` does. */
async function verify(path: string): Promise<void> {
  const nothing = { keys: [], witnesses: [], kept: [], histories: null, onProgress: () => undefined };
  const { verdicts } = await auditFile(readChunks(path), null, nothing);
  const bad = Object.entries(verdicts).find(([, { status }]) => status === 'bad');
  if (bad) throw new Error(`the log of the benchmark is bad: ${JSON.stringify(bad)}`);
}

async function cpuSeconds(work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

async function measure(records: number, say: (line: string) => void): Promise<Finding[]> {
  const folder = await mkdtemp(join(tmpdir(), 'aegrail-bench-verify-'));
  try {
    const path = join(folder, 'log.jsonl');
    const written = await writeLog(path, records);
    const { size } = await stat(path);
    say(`${written} records, ${Math.round(size / 1e6)} MB`);
    const reading: number[] = [];
    const verifying: number[] = [];
    for (let turn = 0; turn < TURNS; turn++) {
      const [one, other] = [await cpuSeconds(() => read(path)), await cpuSeconds(() => verify(path))];
      say(`read ${one.toFixed(2)} s, verified ${other.toFixed(2)} s`);
      if (turn === 0) continue;
      reading.push(one);
      verifying.push(other);
    }
    const perRecord = (seconds: readonly number[]): number => (median(seconds) / written) * 1e6;
    const ratios = verifying.map((seconds, turn) => seconds / (reading[turn] ?? Number.NaN));
    return [
      { name: 'reading a record', value: perRecord(reading), unit: 'us', target: null },
      { name: 'verifying a record', value: perRecord(verifying), unit: 'us', target: null },
      { name: 'verifying / reading', value: median(ratios), unit: 'x', target: TARGET },
    ];
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function main(args: readonly string[]): Promise<void> {
  const at = args.indexOf('--records');
  const records = at < 0 ? RECORDS : Number(args[at + 1]);
  const findings = await measure(records, (line) => void process.stderr.write(`verify: ${line}\n`));
  const machine = { cpu: cpus()[0]?.model ?? 'unknown', node: process.version, load: loadavg()[0] ?? 0 };
  const judged = findings.map((finding) => ({ ...finding, passed: passed(finding) }));
  process.stdout.write(
    args.includes('--json')
      ? `${JSON.stringify({ machine, results: { verify: judged } })}\n`
      : `${machine.cpu}, Node ${machine.node}, load ${machine.load.toFixed(1)}\n\nverify\n${table(findings)}\n`,
  );
  if (judged.some((finding) => finding.passed === false)) process.exitCode = 1;
}

if (import.meta.main) await main(process.argv.slice(2));
