import {
  ActivityCancellationType,
  ChildWorkflowCancellationType,
  type ChildWorkflowHandle,
  ParentClosePolicy,
  proxyActivities,
  startChild,
  type Workflow,
  WorkflowIdReusePolicy,
} from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import { plainMarkdown } from '../src/core/markdown.ts';
import type { StartInput } from '../src/core/start-input.ts';
import type { SwitchedOn } from '../src/core/switched-on.ts';
import type { AccountAnswer, LeaseCall } from '../src/core/account-calls.ts';
import type { AdoptCall, Adopted, NotAdopted } from '../src/core/migration.ts';
import type {
  AgentSettled,
  AppendCall,
  Envelope,
  ModelAnswer,
  ModelCall,
  OpenCall,
  Opened,
  Reloaded,
  SettleCall,
  ToolAnswer,
  ToolCall,
} from '../src/calls.ts';
import { SESSION_WORKFLOW } from '../src/protocol.ts';
import { GovernedCall } from './envelope.ts';

/** Without a heartbeat for so long a worker is taken for dead. */
export const HEARTBEAT_TIMEOUT_MS = 10_000;
/** Start-to-close of an activity that only reads and writes the store. */
const STORE_TIMEOUT_MS = 30_000;

interface Times {
  /** Longest that it may run: min(its own timeout, what is left of the wall clock). */
  readonly timeoutMs: number;
  /** What is left of the wall clock: longest that it may wait for a worker and run. */
  readonly untilDeadlineMs: number;
  /** One line for the Temporal UI. */
  readonly summary: string;
}

/** Runs a model call. One attempt: retries are the guard's, each one admitted and reserved. */
export function runModelCall(envelope: Envelope<ModelCall>, times: Times): Promise<ModelAnswer> {
  return governed('callModel', times)(seal(envelope));
}

/** Runs a tool call. One attempt, as {@link runModelCall}. */
export function runToolCall(envelope: Envelope<ToolCall>, times: Times): Promise<ToolAnswer> {
  return governed('callTool', times)(seal(envelope));
}

/** Asks a worker for the contract. */
export function runOpen(envelope: Envelope<OpenCall>): Promise<Opened> {
  return storing('openSession', 'read the contract')(seal(envelope));
}

/** Makes records durable. */
export function runAppend(envelope: Envelope<AppendCall>): Promise<null> {
  return storing('appendRecords', `store ${envelope.records.length} records`)(seal(envelope));
}

/** Reads the log that the store has of this session. */
export function runReload(envelope: Envelope<AppendCall>): Promise<Reloaded> {
  return storing('reloadSession', 'read the stored log')(seal(envelope));
}

/** Asks what the session of a sub-agent came to. */
export function runSettleAgent(envelope: Envelope<SettleCall>): Promise<AgentSettled> {
  return storing('settleAgent', `settle with ${envelope.call.session}`)(seal(envelope));
}

/**
 * Starts the session of a sub-agent. It outlives this run, which may be continued by another; who has ended has none below
 * that go on: they are cancelled with it, and refused by the worker when it was ended from outside.
 */
export function startAgentSession(
  envelope: Envelope<StartInput>,
  session: string,
): Promise<ChildWorkflowHandle<Workflow>> {
  const { agent, user } = envelope.call;
  return startChild<Workflow>(SESSION_WORKFLOW, {
    workflowId: session,
    workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE,
    args: [seal(envelope)] as never,
    parentClosePolicy: ParentClosePolicy.ABANDON,
    cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
    memo: { agent, user },
    staticSummary: plainMarkdown(`${agent} for ${user}`),
  });
}

/** Reads the contract that the session is to go on under. */
export function runAdopt(envelope: Envelope<AdoptCall>): Promise<Adopted | NotAdopted> {
  return storing('adoptContract', 'read another contract')(seal(envelope));
}

/** Reads whether the kill switch stops this session. */
export function runLookAtSwitch(envelope: Envelope<AppendCall>): Promise<SwitchedOn | null> {
  return storing('lookAtSwitch', 'look at the kill switch')(seal(envelope));
}

/** Asks accounts for more. */
export function runLeaseMore(envelope: Envelope<LeaseCall>): Promise<readonly AccountAnswer[]> {
  return storing(
    'leaseMore',
    `lease from ${envelope.call.asks.map(({ account }) => account).join(', ')}`,
  )(seal(envelope));
}

function governed<Name extends 'callModel' | 'callTool'>(name: Name, times: Times): Activities[Name] {
  return proxyActivities<Activities>({
    startToCloseTimeout: Math.max(1, times.timeoutMs),
    scheduleToCloseTimeout: Math.max(1, times.untilDeadlineMs),
    heartbeatTimeout: HEARTBEAT_TIMEOUT_MS,
    // Left out it behaves as TRY_CANCEL: the call would be taken for ended while it still runs.
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: { maximumAttempts: 1 },
    summary: times.summary,
  })[name];
}

function storing<
  Name extends
    | 'openSession'
    | 'appendRecords'
    | 'reloadSession'
    | 'adoptContract'
    | 'lookAtSwitch'
    | 'settleAgent'
    | 'leaseMore',
>(name: Name, summary: string): Activities[Name] {
  return proxyActivities<Activities>({
    startToCloseTimeout: STORE_TIMEOUT_MS,
    cancellationType: ActivityCancellationType.TRY_CANCEL,
    retry: { maximumAttempts: 1 },
    summary,
  })[name];
}

/** On the wire the interceptor puts the bare envelope in its place. */
export function seal<Call>(envelope: Envelope<Call>): Envelope<Call> {
  return new GovernedCall(envelope) as unknown as Envelope<Call>;
}
