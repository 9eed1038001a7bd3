import { ActivityFailure, ApplicationFailure, proxyActivities, workflowInfo } from '@temporalio/workflow';

/** Stands for the rogue's own run id, which only the workflow knows: a forger would put it into every record. */
export const OWN_RUN = '<own run>';

/** An activity that a rogue workflow schedules, with whatever arguments it likes. */
export interface RogueStep {
  readonly activity: string;
  readonly args: readonly unknown[];
}

/** What came of it. */
export interface RogueEnd {
  readonly answer?: unknown;
  readonly type?: string | null;
  readonly message?: string;
  readonly details?: {
    readonly code: string;
    readonly started: string;
    readonly retryable: boolean;
    readonly stored: boolean;
  };
}

/** A workflow of the session's name, without the guard and without its interceptors: it schedules what it is told to. */
export async function agentSession(taskQueue: string, steps: readonly RogueStep[]): Promise<RogueEnd[]> {
  const activities = proxyActivities<Record<string, (...args: unknown[]) => Promise<unknown>>>({
    taskQueue,
    startToCloseTimeout: 20_000,
    retry: { maximumAttempts: 1 },
  });
  const ends: RogueEnd[] = [];
  for (const { activity, args } of steps) {
    try {
      ends.push({ answer: await activities[activity]?.(...args.map(withOwnRun)) });
    } catch (thrown) {
      ends.push(endOf(thrown));
    }
  }
  return ends;
}

function withOwnRun(argument: unknown): unknown {
  const json = JSON.stringify(argument) ?? 'null';
  return json.includes(OWN_RUN) ? JSON.parse(json.replaceAll(OWN_RUN, workflowInfo().runId)) : argument;
}

/** The same under another name. */
export const someOtherWorkflow = agentSession;
/** The same under the name of an account. */
export const budgetAccount = agentSession;

function endOf(thrown: unknown): RogueEnd {
  const cause = thrown instanceof ActivityFailure ? thrown.cause : undefined;
  if (!(cause instanceof ApplicationFailure))
    throw ApplicationFailure.nonRetryable(`not a failure of ours: ${String(cause ?? thrown)}`);
  const [details] = (cause.details ?? []) as RogueEnd['details'][];
  return { type: cause.type ?? null, message: cause.message, ...(details ? { details } : {}) };
}
