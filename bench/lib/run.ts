import { cpus, loadavg, totalmem } from 'node:os';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { type Finding, passed, table } from './finding.ts';
import { type Lab, openLab, type ServerKind } from './lab.ts';

/** A benchmark: what it measures on which server. */
export interface Bench {
  readonly name: string;
  readonly server: ServerKind;
  readonly measure: (lab: Lab, say: (line: string) => void) => Promise<Finding[]>;
}

type Results = Readonly<Record<string, readonly Finding[]>>;

/**
 * Runs benchmarks, each on a server of its own, and prints what they found: a table, or one JSON document with `--json`.
 * Progress goes to stderr. The exit code is 1 when a target is missed.
 */
export async function runBenches(benches: readonly Bench[], args: readonly string[]): Promise<void> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const machine = machineFacts();
  const results: Record<string, Finding[]> = {};
  for (const { name, server, measure } of benches) {
    const say = (line: string): void => void process.stderr.write(`${name}: ${line}\n`);
    const lab = await openLab(server, say);
    try {
      results[name] = await measure(lab, say);
    } finally {
      await lab.close();
    }
  }
  process.stdout.write(
    args.includes('--json') ? `${JSON.stringify(document(machine, results))}\n` : text(machine, results),
  );
  if (
    Object.values(results)
      .flat()
      .some((finding) => passed(finding) === false)
  )
    process.exitCode = 1;
}

function machineFacts() {
  const [cpu] = cpus();
  return {
    cores: cpus().length,
    cpu: cpu?.model ?? 'unknown',
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    loadBefore: loadavg()[0] ?? 0,
    at: new Date().toISOString(),
  };
}

type Machine = ReturnType<typeof machineFacts>;

function document(machine: Machine, results: Results) {
  const judged = Object.entries(results).map(([name, findings]) => [
    name,
    findings.map((finding) => ({ ...finding, passed: passed(finding) })),
  ]);
  return { machine, results: Object.fromEntries(judged) as unknown };
}

function text({ cores, cpu, memoryGb, node, platform, loadBefore, at }: Machine, results: Results): string {
  const blocks = Object.entries(results).map(([name, findings]) => `\n${name}\n${table(findings)}\n`);
  return `${cores} cores of ${cpu}, ${memoryGb} GB, Node ${node}, ${platform}, load ${loadBefore.toFixed(1)} before, ${at}\n${blocks.join('')}`;
}
