/**
 * Kills workers and the Temporal server while sessions run, and checks what the sessions left behind:
 *
 *   npm exec node -- test/chaos/main.ts --kills 200 --seed 42 [--minutes 15] [--postgres] [--by-query]
 *
 * One kill in eight is the server's. The seed decides who is killed in which order, with which pauses, and what sessions and
 * people do; what the machine makes of it differs from run to run. Progress goes to stderr, the report to stdout. Exit
 * code 1 when something is wrong.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { DefaultLogger } from '@temporalio/worker';
import { bundleWorkflows } from '../../src/bundle/bundle.ts';
import { findBinary } from '../../src/devserver/binaries.ts';
import { startPostgres } from '../harness/postgres.ts';
import { quietRuntime } from '../harness/quiet.ts';
import { runChaos } from './chaos.ts';
import { reportText } from './report.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    seed: { type: 'string', default: '42' },
    minutes: { type: 'string', default: '60' },
    postgres: { type: 'boolean', default: false },
    'by-query': { type: 'boolean', default: false },
  },
});
const startedMs = performance.now();
const say = (line: string): void =>
  void process.stderr.write(`${((performance.now() - startedMs) / 1000).toFixed(0)} s: ${line}\n`);
const kills = Number(values.kills);
const serverKills = Math.ceil(kills / 8);

quietRuntime();
const { path: temporalBinary } = await findBinary('temporal', { env: process.env, onProgress: say });
const folder = await mkdtemp(join(tmpdir(), 'aegrail-chaos-bundle-'));
const bundlePath = join(folder, 'bundle.js');
await writeFile(bundlePath, (await bundleWorkflows({ logger: new DefaultLogger('ERROR') })).code);
const postgres = values.postgres ? await startPostgres() : null;
try {
  const report = await runChaos({
    seed: Number(values.seed),
    plan: {
      workerKills: kills - serverKills,
      serverKills,
      pauseMs: 4_000,
      withinMs: Number(values.minutes) * 60_000,
    },
    inFlight: 14,
    maxSessions: Number.MAX_SAFE_INTEGER,
    drainMs: 300_000,
    temporalBinary,
    bundlePath,
    ...(postgres ? { store: postgres.url() } : {}),
    byQuery: values['by-query'],
    say,
  });
  process.stdout.write(reportText(report));
  if (report.problems.length > 0) process.exitCode = 1;
} finally {
  await postgres?.dispose();
  await rm(folder, { recursive: true });
}
