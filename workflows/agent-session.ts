import { sleep } from '@temporalio/workflow';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import type { StartInput } from '../src/core/start-input.ts';
import type { AgentCall, AgentSettled } from '../src/calls.ts';
import { cancelAgent } from './cancel-agent.ts';
import type { Admitted, GuardContext } from './guard.ts';
import { runSettleAgent, startAgentSession } from './proxies.ts';
import { backoffMs } from './retry.ts';
import { flush, type Runner } from './runner.ts';
import { settle } from './settle.ts';
import { GRACE_MS } from './stopper.ts';
import { within } from './within.ts';

/** Longest that the session of a sub-agent is waited for after it was told to stop: it waits for its own calls first. */
const AGENT_GRACE_MS = 6 * GRACE_MS;
/** How often one that was started by another run is looked at: soon at first, then less often. */
const LOOK_MS = { first: 1_000, longest: 300_000, stopping: 1_000 };
/** Most tries of reading what it spent: with their waits an hour. */
const SETTLE_ATTEMPTS = 60;

/** The session of a sub-agent that runs, as one run of its parent hands it to the next. Plain JSON. */
export interface AgentInFlight {
  /** Sequence number of the record that admitted it. */
  readonly seq: number;
  readonly session: string;
  readonly tool: string;
  readonly callId: string;
  readonly startedMs: number;
}

/** A sub-agent's session that was started: whether it has ended. */
export interface StartedAgent {
  isClosed(): boolean;
}

/**
 * Starts the session that was admitted. Its admission is stored first: the worker that opens it looks there.
 *
 * @returns why it surely did not start, as a code; `taken`: somebody else started a session under its id
 */
export async function startAgent(
  guard: GuardContext,
  runner: Runner,
  { call, permit }: Admitted<AgentCall>,
  agent: string,
): Promise<StartedAgent | { readonly notStarted: string } | 'taken'> {
  const { stopper, deadlineMs } = runner;
  if (!(await flush(guard.journal, guard.contractSha256, deadlineMs, stopper.pause)))
    return { notStarted: stopper.reason() ? 'STOPPED' : 'AUDIT_UNAVAILABLE' };
  if (stopper.reason()) return { notStarted: 'STOPPED' };
  const delegation = { session: guard.sessionId, seq: permit.seq, salt: permit.salt };
  const input: StartInput = { agent, user: call.user, input: call.task, delegation };
  try {
    // Not through the stopper: a cancellation of the handle is one of the session's first run, and no other hears of it.
    const handle = await startAgentSession({ call: input, permit, records: [] }, call.session);
    let closed = false;
    const close = (): void => void (closed = true);
    handle.result().then(close, close);
    return { isClosed: () => closed };
  } catch (thrown) {
    // Its id is this one's and its record's: whoever started it may be running in the slice.
    if (thrown instanceof WorkflowExecutionAlreadyStartedError) return 'taken';
    throw thrown;
  }
}

/** Tells, a while after the stop, that the session of a sub-agent is not waited for any more. */
export function giveUpLater({ stopper }: Runner): { isOver(): boolean; forget(): void } {
  let isOver = false;
  const forget = stopper.onAbandoned(() => {
    void sleep(AGENT_GRACE_MS, { summary: 'grace period of sub-agents' }).then(() => void (isOver = true));
  });
  return { isOver: () => isOver, forget };
}

/**
 * Waits for a session that another run started, by looking at it: soon at first, then less and less often.
 *
 * @param isParked whether nobody waits here any more
 * @returns what it came to; null when it ended nobody knows how
 */
export async function lookUntilClosed(
  guard: GuardContext,
  runner: Runner,
  { session }: AgentInFlight,
  isParked: () => boolean,
): Promise<Closed | null> {
  const { stopper } = runner;
  const grace = giveUpLater(runner);
  let told = false;
  try {
    for (let waitMs = LOOK_MS.first; ; waitMs = Math.min(waitMs * 2, LOOK_MS.longest)) {
      const settled = await settleAgent(guard, session);
      if (isParked()) await new Promise(() => {});
      if (!settled || !settled.running) return settled;
      if (grace.isOver()) return null;
      if (stopper.reason() && !told) {
        told = true;
        await cancelAgent(session);
      }
      const isDue = (): boolean => !isParked() && stopper.reason() !== null && !told;
      await within(isDue, told ? LOOK_MS.stopping : waitMs, `before looking at ${session}`);
      if (isParked()) await new Promise(() => {});
    }
  } finally {
    grace.forget();
  }
}

/** What a session came to that has ended. */
export type Closed = Extract<AgentSettled, { running: false }>;

/** Asks what a session came to, until the store answers. Null when it does not, for an hour: then nobody knows. */
export async function settleAgent(
  { contract, contractSha256 }: GuardContext,
  session: string,
): Promise<AgentSettled | null> {
  const call = { contractSha256, session, maxBytes: contract.maxResultBytes };
  for (let attempt = 1; ; attempt++) {
    const settled = await settle(runSettleAgent({ call, permit: null, records: [] }));
    if (settled.outcome === 'ok') return settled.answer;
    const waitMs = backoffMs(settled.failure, attempt, SETTLE_ATTEMPTS);
    if (waitMs === null) return null;
    await sleep(waitMs, { summary: 'before settling with a sub-agent again' });
  }
}
