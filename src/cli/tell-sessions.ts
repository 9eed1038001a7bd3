import type { Client } from '@temporalio/client';
import type { LoadedConfig } from '../config/load.ts';
import { messageOf } from '../core/errors.ts';
import { DEFAULT_TASK_QUEUE, LOOK_AT_SWITCH, SESSION_WORKFLOW } from '../protocol.ts';
import type { ServerChoice } from '../temporal/settings.ts';
import type { Terminal } from './terminal.ts';
import { withClient } from './with-client.ts';

/** Signals that are on their way at once. */
const AT_ONCE = 50;

/**
 * Has the running sessions of an agent look at the kill switch. Best effort: a session that is not reached notices at its
 * next call.
 *
 * @param agent null: those of all agents
 * @returns how many were told; null when Temporal can't be reached, which is said on stderr
 */
export async function tellRunningSessions(
  agent: string | null,
  { file }: LoadedConfig,
  { address, namespace, profile, config }: ServerChoice & { readonly config?: string },
  terminal: Terminal,
): Promise<number | null> {
  const taskQueue = file.taskQueue ?? DEFAULT_TASK_QUEUE;
  try {
    return await withClient({ address, namespace, profile, config }, terminal, ({ client }) =>
      tellAll(client, agent, taskQueue),
    );
  } catch (thrown) {
    const hint = 'The switch is turned all the same: sessions that wait are ended at their next call.';
    terminal.say(`Running sessions could not be told: ${messageOf(thrown)} ${hint}`);
    return null;
  }
}

async function tellAll(client: Client, agent: string | null, taskQueue: string): Promise<number> {
  const query = `WorkflowType="${SESSION_WORKFLOW}" AND TaskQueue="${taskQueue}" AND ExecutionStatus="Running"`;
  const going = new Set<Promise<void>>();
  let told = 0;
  for await (const { workflowId, memo } of client.workflow.list({ query, pageSize: 1_000 })) {
    // One that no worker has opened yet may have no memo.
    if (agent !== null && memo?.['agent'] !== undefined && memo['agent'] !== agent) continue;
    const signal = client.workflow
      .getHandle(workflowId)
      .signal(LOOK_AT_SWITCH)
      .then(
        () => void (told += 1),
        // It has ended since.
        () => undefined,
      )
      .finally(() => going.delete(signal));
    going.add(signal);
    if (going.size >= AT_ONCE) await Promise.race(going);
  }
  await Promise.all(going);
  return told;
}
