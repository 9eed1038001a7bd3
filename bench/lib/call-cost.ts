import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { type BenchEvent, readHistory } from './history.ts';

/** One call: from the event that schedules it to the event that schedules the next. */
export interface CallCost {
  readonly totalMs: number;
  /** The activity on the worker: from its start to its end. */
  readonly activityMs: number;
  /** The workflow on the worker: its task from start to end. */
  readonly workflowMs: number;
  readonly events: number;
}

/** Runs a workflow that makes calls one after the other, and reads what each cost from its history. */
export async function block(
  client: Client,
  type: string,
  taskQueue: string,
  arg: unknown,
  activity: string,
): Promise<CallCost[]> {
  const workflowId = `bench-${randomUUID()}`;
  await client.workflow.execute(type, { taskQueue, workflowId, args: [arg] });
  return costs(await readHistory(client, workflowId), activity);
}

function costs(events: readonly BenchEvent[], activity: string): CallCost[] {
  const starts = events.flatMap(({ scheduled }, index) => (scheduled === activity ? [index] : []));
  return starts.slice(0, -1).map((from, call) => {
    const span = events.slice(from, starts[call + 1]);
    const at = (kind: string): number => span.find((event) => event.kind === kind)?.atMs ?? Number.NaN;
    const end = events[starts[call + 1] ?? 0]?.atMs ?? Number.NaN;
    return {
      totalMs: end - (span[0]?.atMs ?? Number.NaN),
      activityMs: at('activityTaskCompleted') - at('activityTaskStarted'),
      workflowMs: at('workflowTaskCompleted') - at('workflowTaskStarted'),
      events: span.length,
    };
  });
}
