import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, Worker } from '@temporalio/worker';
import { bundleWorkflows } from '../src/bundle/bundle.ts';
import { loop } from '../src/model-endpoint/index.ts';
import { SESSION_WORKFLOW } from '../src/protocol.ts';
import { lookup } from './contract/tools.ts';
import { block, type CallCost } from './lib/call-cost.ts';
import type { Finding } from './lib/finding.ts';
import type { Lab } from './lib/lab.ts';
import { type Bench, runBenches } from './lib/run.ts';
import { median, quantile } from './lib/statistics.ts';

const BLOCKS = 16;
const CALLS = 25;
const BARE_QUEUE = 'bench-bare';
const quiet = new DefaultLogger('ERROR');

/**
 * A sequential governed tool call against the bare Temporal activity with the same input, on one server, in one process.
 * Blocks of both take turns (A B, B A, …), so that what else the machine does falls on both. Times are the server's.
 */
async function measureToolCall(lab: Lab, say: (line: string) => void): Promise<Finding[]> {
  const workflowBundle = await bundleWorkflows({ workflowsPath: pathOf('workflows/tool-call.ts'), logger: quiet });
  const bare = await bareWorker(lab);
  const running = bare.run();
  try {
    return await lab.withGoverned({ script: loop({ say: '' }), workflowBundle }, async (queue) => {
      const governed = (): Promise<CallCost[]> =>
        block(
          lab.client,
          SESSION_WORKFLOW,
          queue,
          { agent: 'bot', user: 'ann@acme.com', input: String(CALLS) },
          'callTool',
        );
      const plain = (): Promise<CallCost[]> => block(lab.client, 'bareCalls', BARE_QUEUE, CALLS, 'lookup');
      await plain();
      await governed();
      const pairs: { governed: CallCost[]; bare: CallCost[] }[] = [];
      for (let index = 0; index < BLOCKS; index++) {
        const first = index % 2 === 0 ? await governed() : await plain();
        const second = index % 2 === 0 ? await plain() : await governed();
        pairs.push(index % 2 === 0 ? { governed: first, bare: second } : { governed: second, bare: first });
        if ((index + 1) % 8 === 0) say(`${index + 1} of ${BLOCKS} pairs of blocks`);
      }
      return findings(pairs);
    });
  } finally {
    bare.shutdown();
    await running;
  }
}

async function bareWorker({ connection }: Lab): Promise<Worker> {
  return Worker.create({
    connection,
    taskQueue: BARE_QUEUE,
    workflowBundle: await bundleWorkflowCode({ workflowsPath: pathOf('workflows/bare.ts'), logger: quiet }),
    activities: { lookup: (args: { readonly id: string }) => Promise.resolve(lookup(args)) },
    maxHeartbeatThrottleInterval: 1_000,
    defaultHeartbeatThrottleInterval: 1_000,
  });
}

function findings(pairs: readonly { governed: CallCost[]; bare: CallCost[] }[]): Finding[] {
  const governed = pairs.flatMap((pair) => pair.governed);
  const bare = pairs.flatMap((pair) => pair.bare);
  const total = (calls: readonly CallCost[]): number[] => calls.map(({ totalMs }) => totalMs);
  const ratios = pairs.map((pair) => median(total(pair.governed)) / median(total(pair.bare)));
  const events = (calls: readonly CallCost[]): number => median(calls.map((call) => call.events));
  const info = (name: string, value: number, unit: string): Finding => ({ name, value, unit, target: null });
  return [
    {
      name: 'governed / bare, median of a call',
      value: median(total(governed)) / median(total(bare)),
      unit: 'x',
      target: 1.1,
    },
    { name: 'history events more per call', value: events(governed) - events(bare), unit: 'events', target: 0 },
    info('governed, median', median(total(governed)), 'ms'),
    info('bare, median', median(total(bare)), 'ms'),
    info('governed, p90', quantile(total(governed), 0.9), 'ms'),
    info('bare, p90', quantile(total(bare), 0.9), 'ms'),
    info('governed / bare, p90', quantile(total(governed), 0.9) / quantile(total(bare), 0.9), 'x'),
    info('ratio of one pair of blocks, lower quartile', quantile(ratios, 0.25), 'x'),
    info('ratio of one pair of blocks, upper quartile', quantile(ratios, 0.75), 'x'),
    info('activity on the worker, governed', median(governed.map((call) => call.activityMs)), 'ms'),
    info('activity on the worker, bare', median(bare.map((call) => call.activityMs)), 'ms'),
    info('workflow task on the worker, governed', median(governed.map((call) => call.workflowMs)), 'ms'),
    info('workflow task on the worker, bare', median(bare.map((call) => call.workflowMs)), 'ms'),
    info('events of a governed call', events(governed), 'events'),
    info('calls of each', governed.length, 'calls'),
  ];
}

function pathOf(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}

/** The comparison on each kind of server: what the governed call adds is nearly constant, what it is added to is not. */
export const toolCallBenches: readonly Bench[] = [
  { name: 'tool call, workflows on disk', server: 'disk', measure: measureToolCall },
  { name: "tool call, Temporal's own polling", server: 'stock', measure: measureToolCall },
  { name: 'tool call, all in memory', server: 'memory', measure: measureToolCall },
];

if (import.meta.main) await runBenches(toolCallBenches, process.argv.slice(2));
