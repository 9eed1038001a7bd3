import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { DefaultLogger } from '@temporalio/worker';
import { bundleWorkflows } from '../src/bundle/bundle.ts';
import { type Script, sequence } from '../src/model-endpoint/index.ts';
import { SESSION_WORKFLOW } from '../src/protocol.ts';
import type { Finding } from './lib/finding.ts';
import { activityCounts, readHistory } from './lib/history.ts';
import type { Lab } from './lib/lab.ts';
import { type Bench, runBenches } from './lib/run.ts';
import { median } from './lib/statistics.ts';
import { GUARD_FINISH, GUARD_MEASURE, GUARD_STAGES, type GuardStage } from './workflows/guard-names.ts';

/** Decisions of a stage in one workflow task. */
const IN_A_ROW = 400;
/** Workflow tasks with one decision of a stage each. */
const ALONE = 60;
const DENIED = 50;
/** Longest that a decision may take at the median. */
const TARGET_MICROSECONDS = 200;
const START = { agent: 'bot', user: 'ann@acme.com', input: 'Hello.' };

/** How long the guard decides, inside the workflow's sandbox, and that a refusal schedules nothing. */
async function measureGuard(lab: Lab, say: (line: string) => void): Promise<Finding[]> {
  return [...(await decisions(lab, say)), ...(await denials(lab))];
}

async function decisions(lab: Lab, say: (line: string) => void): Promise<Finding[]> {
  const workflowsPath = fileURLToPath(new URL('workflows/guard.ts', import.meta.url));
  const workflowBundle = await bundleWorkflows({ workflowsPath, logger: new DefaultLogger('ERROR') });
  return lab.withGoverned({ script: sequence([]), workflowBundle }, async (taskQueue) => {
    const handle = await lab.client.workflow.start(SESSION_WORKFLOW, {
      taskQueue,
      workflowId: `bench-${randomUUID()}`,
      args: [START],
    });
    const run = (stage: GuardStage, times: number): Promise<number[]> =>
      handle.executeUpdate<number[], [GuardStage, number]>(GUARD_MEASURE, { args: [stage, times] });
    for (const stage of GUARD_STAGES) await run(stage, IN_A_ROW);
    const findings: Finding[] = [];
    for (const stage of GUARD_STAGES) {
      findings.push(microseconds(`${stage}, in a row`, await run(stage, IN_A_ROW)));
      const alone: number[] = [];
      for (let index = 0; index < ALONE; index++) alone.push(...(await run(stage, 1)));
      findings.push(microseconds(`${stage}, one in a workflow task`, alone));
      say(stage);
    }
    findings.push(await seenFromOutside(run));
    await handle.signal(GUARD_FINISH);
    await handle.result();
    return findings;
  });
}

function microseconds(name: string, took: readonly number[]): Finding {
  return { name, value: median(took), unit: 'us', target: TARGET_MICROSECONDS };
}

/**
 * The check on the clock inside: how much longer an update takes that admits and settles 400 calls than one that does
 * nothing, by the clock of this process.
 */
async function seenFromOutside(run: (stage: GuardStage, times: number) => Promise<number[]>): Promise<Finding> {
  const differences: number[] = [];
  for (let round = 0; round < 15; round++) {
    const from = performance.now();
    await run('admission', 0);
    const between = performance.now();
    await run('admission', IN_A_ROW);
    differences.push(performance.now() - between - (between - from));
  }
  const value = (median(differences) / IN_A_ROW) * 1000;
  return { name: 'admission and settlement, in a row, by the clock outside', value, unit: 'us', target: null };
}

/** The project's own session, whose model asks for what the rules forbid. */
async function denials(lab: Lab): Promise<Finding[]> {
  const call = Array.from({ length: DENIED }, (_, index) => ({ tool: 'forbidden', args: { id: `order_${index}` } }));
  const script: Script = sequence([{ call }, { say: 'Sorry.' }]);
  const counts = await lab.withGoverned({ script }, async (taskQueue) => {
    const workflowId = `bench-${randomUUID()}`;
    await lab.client.workflow.execute(SESSION_WORKFLOW, { taskQueue, workflowId, args: [START] });
    return activityCounts(await readHistory(lab.client, workflowId));
  });
  const others = Object.entries(counts).filter(([type]) => type !== 'callTool');
  return [
    {
      name: `callTool activities of ${DENIED} denied calls`,
      value: counts['callTool'] ?? 0,
      unit: 'activities',
      target: 0,
    },
    {
      name: `other activities of that session (${others.map(([type, count]) => `${count} ${type}`).join(', ')})`,
      value: others.reduce((sum, [, count]) => sum + count, 0),
      unit: 'activities',
      target: null,
    },
  ];
}

export const guardBench: Bench = { name: 'guard', server: 'memory', measure: measureGuard };

if (import.meta.main) await runBenches([guardBench], process.argv.slice(2));
