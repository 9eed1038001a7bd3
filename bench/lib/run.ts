import { cpus, totalmem } from 'node:os';
import { type Finding, passed, table } from './finding.ts';
import { type Lab, openLab } from './lab.ts';

/** A benchmark: measures on a running lab. */
export type Bench = (lab: Lab, say: (line: string) => void) => Promise<Finding[]>;

/**
 * Runs benchmarks on one server and prints what they found: a table, or one JSON document with `--json`. The exit code is
 * 1 when a target is missed.
 */
export async function runBenches(benches: Readonly<Record<string, Bench>>, args: readonly string[]): Promise<void> {
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const machine = machineFacts();
  const lab = await openLab(say);
  const results: Record<string, Finding[]> = {};
  try {
    for (const [name, bench] of Object.entries(benches)) results[name] = await bench(lab, (line) => say(`${name}: ${line}`));
  } finally {
    await lab.close();
  }
  process.stdout.write(args.includes('--json') ? `${JSON.stringify(document(machine, results))}\n` : text(machine, results));
  if (Object.values(results).flat().some((finding) => passed(finding) === false)) process.exitCode = 1;
}

function machineFacts() {
  const [cpu] = cpus();
  return {
    cores: cpus().length,
    cpu: cpu?.model ?? 'unknown',
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    at: new Date().toISOString(),
  };
}

type Machine = ReturnType<typeof machineFacts>;

function document(machine: Machine, results: Readonly<Record<string, readonly Finding[]>>) {
  const judged = Object.entries(results).map(([name, findings]) => [name, findings.map((finding) => ({ ...finding, passed: passed(finding) }))]);
  return { machine, results: Object.fromEntries(judged) as unknown };
}

function text({ cores, cpu, memoryGb, node, platform, at }: Machine, results: Readonly<Record<string, readonly Finding[]>>): string {
  const blocks = Object.entries(results).map(([name, findings]) => `\n${name}\n${table(findings)}\n`);
  return `${cores} cores of ${cpu}, ${memoryGb} GB, Node ${node}, ${platform}, ${at}\n${blocks.join('')}`;
}
