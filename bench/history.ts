import { randomUUID } from 'node:crypto';
import type { Script } from '../src/model-endpoint/index.ts';
import { SESSION_WORKFLOW } from '../src/protocol.ts';
import { TWO_KILOBYTES } from './contract/tools.ts';
import type { Finding } from './lib/finding.ts';
import { type BenchEvent, readHistory } from './lib/history.ts';
import type { Lab } from './lib/lab.ts';
import { type Bench, runBenches } from './lib/run.ts';
import { median } from './lib/statistics.ts';

const TURNS = 200;

/** In each turn the model says two kilobytes and asks for a tool that answers with two more. After the last it is done. */
const script: Script = ({ index }) =>
  index < TURNS + 1
    ? {
        say: `turn ${index} `.padEnd(TWO_KILOBYTES, 'dolor sit amet '),
        call: [{ tool: 'read_page', args: { page: index } }],
      }
    : { say: 'That was all.' };

/**
 * How much history a turn adds, early and late in a session of 200: the project's own workflow, with two kilobytes of
 * model text and two of tool result in every turn. The bytes are the server's own count, which it writes into each event
 * that starts a workflow task and holds against its limit of 50 MB a run.
 */
async function measureHistory(lab: Lab, say: (line: string) => void): Promise<Finding[]> {
  return lab.withGoverned({ script }, async (taskQueue) => {
    const workflowId = `bench-${randomUUID()}`;
    say(`a session of ${TURNS} turns`);
    await lab.client.workflow.execute(SESSION_WORKFLOW, {
      taskQueue,
      workflowId,
      args: [{ agent: 'bot', user: 'ann@acme.com', input: 'Read all pages.' }],
    });
    return findings(turnsOf(await readHistory(lab.client, workflowId)));
  });
}

interface TurnSize {
  readonly bytes: number;
  readonly events: number;
}

/**
 * A turn is from the workflow task that schedules a model call to the one that schedules the next: the model call, the
 * tool call, and the workflow tasks of both.
 */
function turnsOf(events: readonly BenchEvent[]): TurnSize[] {
  const starts: { readonly bytes: number; readonly event: number }[] = [];
  let task = { bytes: 0, event: 0 };
  for (const [index, { historyBytes, scheduled }] of events.entries()) {
    if (historyBytes !== null) task = { bytes: historyBytes, event: index };
    if (scheduled === 'callModel') starts.push(task);
  }
  return starts.slice(0, -1).map((start, turn) => {
    const next = starts[turn + 1] ?? start;
    return { bytes: next.bytes - start.bytes, events: next.event - start.event };
  });
}

function findings(turns: readonly TurnSize[]): Finding[] {
  const bytesOf = (turn: number): number => turns[turn - 1]?.bytes ?? Number.NaN;
  const early = turns.slice(1, 11).map(({ bytes }) => bytes);
  const late = turns.slice(TURNS - 10, TURNS).map(({ bytes }) => bytes);
  const info = (name: string, value: number, unit: string): Finding => ({ name, value, unit, target: null });
  return [
    { name: `turn ${TURNS} / turn 2`, value: bytesOf(TURNS) / bytesOf(2), unit: 'x', target: 1.1 },
    { name: 'last ten turns / turns 2 to 11, medians', value: median(late) / median(early), unit: 'x', target: 1.1 },
    info('turn 2', bytesOf(2), 'bytes'),
    info(`turn ${TURNS}`, bytesOf(TURNS), 'bytes'),
    info('largest turn from the second on', Math.max(...turns.slice(1, TURNS).map(({ bytes }) => bytes)), 'bytes'),
    info('events of a turn, median', median(turns.map(({ events }) => events)), 'events'),
    info('turns measured', turns.length, 'turns'),
  ];
}

export const historyBench: Bench = { name: 'history of 200 turns', server: 'memory', measure: measureHistory };

if (import.meta.main) await runBenches([historyBench], process.argv.slice(2));
