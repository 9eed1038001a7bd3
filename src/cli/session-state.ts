import type { WorkflowExecutionInfo } from '@temporalio/client';
import type { Session } from '../client.ts';
import { AegrailError } from '../core/errors.ts';
import { SEARCH_ATTRIBUTES, type SessionPhase } from '../core/searchable.ts';
import { SESSION_WORKFLOW } from '../protocol.ts';

/** How a session is, in one word. The first four are the session's own, the others Temporal's. */
export type SessionStateName = 'answered' | 'killed' | 'cancelled' | 'failed' | 'running' | 'terminated' | 'timed out';

/** A session as Temporal's list and description have it: no worker is needed for it. */
export interface ListedSession {
  readonly id: string;
  readonly agent: string | null;
  readonly user: string | null;
  readonly state: SessionStateName;
  /** What it does, while it runs: null when the namespace has no search attribute of it. */
  readonly phase: SessionPhase | null;
  /** Reason of a kill, or code of a failure. */
  readonly reason: string | null;
  readonly startedAt: string;
  readonly endedAt: string | null;
  /** USD, known at the end. */
  readonly usd: number | null;
  readonly taskQueue: string;
}

type Info = Pick<
  WorkflowExecutionInfo,
  'workflowId' | 'taskQueue' | 'status' | 'startTime' | 'closeTime' | 'memo' | 'typedSearchAttributes'
>;

/** Reads what the client and the workflow have written into a session's memo. */
export function listedSession(info: Info): ListedSession {
  const { workflowId, taskQueue, status, startTime, closeTime, memo = {} } = info;
  const { agent, user, usd, reason } = memo;
  const state = stateOf(status.name, memo['outcome']);
  return {
    id: workflowId,
    agent: typeof agent === 'string' ? agent : null,
    user: typeof user === 'string' ? user : null,
    state,
    // One that was terminated keeps what it did last.
    phase: state === 'running' ? phaseOf(info) : null,
    reason: typeof reason === 'string' ? reason : null,
    startedAt: startTime.toISOString(),
    endedAt: closeTime?.toISOString() ?? null,
    usd: typeof usd === 'number' ? usd : null,
    taskQueue,
  };
}

/** A session as Temporal describes it. @throws AegrailError SESSION_UNKNOWN, also for a workflow that is no session */
export async function describeSession(session: Session): Promise<ListedSession> {
  const description = await session.describe();
  if (description.type === SESSION_WORKFLOW) return listedSession(description);
  throw new AegrailError(
    'SESSION_UNKNOWN',
    `${session.id} is no session: it is a workflow of type ${description.type}.`,
  );
}

function phaseOf({ typedSearchAttributes }: Info): SessionPhase | null {
  const pair = typedSearchAttributes.getAll().find(({ key }) => key.name === SEARCH_ATTRIBUTES.state);
  return (pair?.value as SessionPhase | undefined) ?? null;
}

function stateOf(status: Info['status']['name'], outcome: unknown): SessionStateName {
  switch (status) {
    case 'COMPLETED':
      return outcome === 'killed' ? 'killed' : 'answered';
    case 'CANCELLED':
      return 'cancelled';
    case 'FAILED':
      return outcome === 'killed' ? 'killed' : 'failed';
    case 'TERMINATED':
      return 'terminated';
    case 'TIMED_OUT':
      return 'timed out';
    default:
      return 'running';
  }
}
