import { fileURLToPath } from 'node:url';
import { DefaultLogger } from '@temporalio/worker';
import { bundleWorkflows } from '../src/bundle/bundle.ts';
import { loop } from '../src/model-endpoint/index.ts';
import { SESSION_WORKFLOW } from '../src/protocol.ts';
import { block, type CallCost } from './lib/call-cost.ts';
import type { Finding } from './lib/finding.ts';
import type { Lab } from './lib/lab.ts';
import { type Bench, runBenches } from './lib/run.ts';
import { median } from './lib/statistics.ts';

const BLOCKS = 16;
const CALLS = 25;

/**
 * A sequential governed tool call with audit `required` against the same call with `best_effort`, on one server, in one
 * process. Blocks of both take turns, as those of tool-call.ts do.
 */
async function measureWriteAhead(lab: Lab, say: (line: string) => void): Promise<Finding[]> {
  const workflowsPath = fileURLToPath(new URL('workflows/tool-call.ts', import.meta.url));
  const workflowBundle = await bundleWorkflows({ workflowsPath, logger: new DefaultLogger('ERROR') });
  return lab.withGoverned({ script: loop({ say: '' }), workflowBundle }, async (queue) => {
    const calls = (agent: string): Promise<CallCost[]> =>
      block(lab.client, SESSION_WORKFLOW, queue, { agent, user: 'ann@acme.com', input: String(CALLS) }, 'callTool');
    await calls('bot');
    await calls('lax');
    const costs: Record<'bot' | 'lax', CallCost[]> = { bot: [], lax: [] };
    for (let index = 0; index < BLOCKS; index++) {
      const order = index % 2 === 0 ? (['bot', 'lax'] as const) : (['lax', 'bot'] as const);
      for (const agent of order) costs[agent].push(...(await calls(agent)));
      if ((index + 1) % 8 === 0) say(`${index + 1} of ${BLOCKS} pairs of blocks`);
    }
    return findings(costs.bot, costs.lax);
  });
}

function findings(required: readonly CallCost[], bestEffort: readonly CallCost[]): Finding[] {
  const total = (calls: readonly CallCost[]): number => median(calls.map(({ totalMs }) => totalMs));
  const events = (calls: readonly CallCost[]): number => median(calls.map((call) => call.events));
  return [
    {
      name: 'required / best effort, median of a call',
      value: total(required) / total(bestEffort),
      unit: 'x',
      target: 1.15,
    },
    { name: 'history events more per call', value: events(required) - events(bestEffort), unit: 'events', target: 0 },
    { name: 'required, median', value: total(required), unit: 'ms', target: null },
    { name: 'best effort, median', value: total(bestEffort), unit: 'ms', target: null },
    { name: 'calls of each', value: required.length, unit: 'calls', target: null },
  ];
}

/** The comparison where a call is fastest, so that what a write adds shows most. */
export const writeAheadBench: Bench = { name: 'write-ahead', server: 'memory', measure: measureWriteAhead };

if (import.meta.main) await runBenches([writeAheadBench], process.argv.slice(2));
