import { condition } from '@temporalio/workflow';
import type { AgentSource } from '../src/core/contract.ts';
import { addAmounts, type Amounts, NOTHING } from '../src/core/ledger.ts';
import { wireAmounts } from '../src/core/session-state.ts';
import { safeName } from '../src/core/redact.ts';
import type { AgentEnd as AgentEnded, CallOutcome } from '../src/core/record-parts.ts';
import type { AgentCall, AskedCall, TranscriptItem } from '../src/calls.ts';
import { cancelAgent } from './cancel-agent.ts';
import {
  type AgentInFlight,
  type Closed,
  giveUpLater,
  lookUntilClosed,
  startAgent,
  type StartedAgent,
} from './agent-session.ts';
import type { Admitted, GuardContext } from './guard.ts';
import { keep } from './pause.ts';
import type { Runner } from './runner.ts';

/** The agents that the calls of one answer wait for, by the index of the call. */
export interface WaitingAgents {
  readonly byIndex: Map<number, AgentInFlight>;
  /** The next run waits for them: here nothing goes on. */
  isParked: boolean;
}

/** How a call of an agent ended; null: the session is being stopped. */
export type AgentEnd = TranscriptItem | null;

/** Runs an admitted session of another agent, and posts what it used. */
export async function runAgent(
  guard: GuardContext,
  runner: Runner,
  { agent }: AgentSource,
  asked: AskedCall,
  admitted: Admitted<AgentCall>,
  { agents: waiting, index }: { readonly agents: WaitingAgents; readonly index: number },
): Promise<AgentEnd> {
  const { call, permit, startedMs } = admitted;
  const one: AgentInFlight = {
    seq: permit.seq,
    session: call.session,
    tool: call.tool,
    callId: asked.id,
    startedMs,
  };
  const started = await startAgent(guard, runner, admitted, agent);
  if (started === 'taken') {
    void cancelAgent(one.session);
    return ended(guard, runner, one, null);
  }
  if ('notStarted' in started) return neverStarted(guard, runner, one, started.notStarted);
  waiting.byIndex.set(index, one);
  const isClosed = await untilClosed(runner, one, started, waiting);
  // Looked at, and not only asked once: one that was reset as soon as it had ended runs again.
  const closed = isClosed ? await lookUntilClosed(guard, runner, one, () => waiting.isParked) : null;
  waiting.byIndex.delete(index);
  return ended(guard, runner, one, closed);
}

/** Waits on for a session that another run started. */
export async function goOnWithAgent(
  guard: GuardContext,
  runner: Runner,
  one: AgentInFlight,
  waiting: WaitingAgents,
  index: number,
): Promise<AgentEnd> {
  // A reset posted all that it was given.
  const isPending = guard.journal.state().ledger.pending.some(({ seq }) => seq === one.seq);
  if (!isPending) return told(one, 'unknown', 'Nobody knows how it ended: the session was reset.');
  waiting.byIndex.set(index, one);
  const closed = await lookUntilClosed(guard, runner, one, () => waiting.isParked);
  waiting.byIndex.delete(index);
  return ended(guard, runner, one, closed);
}

async function untilClosed(
  runner: Runner,
  { session }: AgentInFlight,
  started: StartedAgent,
  waiting: WaitingAgents,
): Promise<boolean> {
  const { stopper } = runner;
  const grace = giveUpLater(runner);
  try {
    await condition(() => !waiting.isParked && (started.isClosed() || stopper.reason() !== null));
    if (!started.isClosed()) void cancelAgent(session);
    await condition(() => !waiting.isParked && (started.isClosed() || grace.isOver()));
    return started.isClosed();
  } finally {
    grace.forget();
  }
}

function neverStarted(guard: GuardContext, runner: Runner, one: AgentInFlight, code: string): AgentEnd {
  record(guard, runner, one, { outcome: 'not_started', agentOutcome: 'none', used: NOTHING, error: code });
  return runner.stopper.reason() ? null : told(one, 'none', `It did not start: ${code.toLowerCase()}.`);
}

/** Posts what the session used, and tells the model what came of it. Not known: all that it was given is posted. */
function ended(guard: GuardContext, runner: Runner, one: AgentInFlight, closed: Closed | null): AgentEnd {
  const isStopped = runner.stopper.reason() !== null;
  if (!closed) {
    record(guard, runner, one, { outcome: 'abandoned', agentOutcome: 'unknown', used: null, error: 'ABANDONED' });
    return isStopped ? null : told(one, 'unknown', 'Nobody knows how it ended: it may have taken effect.');
  }
  const { outcome, reason, used, calls, denied } = closed;
  const code = reason?.toUpperCase() ?? `AGENT_${outcome.toUpperCase()}`;
  const facts = { agentOutcome: outcome, result: { bytes: closed.told.bytes } };
  if (outcome === 'none') record(guard, runner, one, { ...facts, outcome: 'not_started', used: NOTHING, error: code });
  else if (used === null) record(guard, runner, one, { ...facts, outcome: 'unknown', used, error: code });
  else {
    const all = addAmounts(used, { ...NOTHING, toolCalls: 1 });
    const known = { ...facts, used: all, ...(calls ? { calls, denied: denied ?? 0 } : {}) };
    if (outcome === 'answered') record(guard, runner, one, { ...known, outcome: 'ok' });
    else record(guard, runner, one, { ...known, outcome: isStopped ? 'cancelled' : 'error', error: code });
  }
  if (isStopped) return null;
  return { kind: 'tool_result', callId: one.callId, tool: one.tool, ...closed.told, isError: outcome !== 'answered' };
}

interface Ended extends Pick<AgentEnded, 'calls' | 'denied'> {
  readonly outcome: CallOutcome;
  readonly agentOutcome: Closed['outcome'];
  /** Null: not known. */
  readonly used: Amounts | null;
  readonly error?: string;
  readonly result?: { readonly bytes: number };
}

function record(guard: GuardContext, runner: Runner, one: AgentInFlight, ended: Ended): void {
  const { journal } = guard;
  const { outcome, agentOutcome, used, error, result, calls, denied } = ended;
  const reserved = journal.state().ledger.pending.find(({ seq }) => seq === one.seq)?.amounts ?? NOTHING;
  journal.emit('tool_call', {
    reservation: one.seq,
    tool: one.tool,
    call_id: safeName(one.callId),
    ok: outcome === 'ok',
    outcome,
    posted: wireAmounts(used ?? reserved),
    elapsed_ms: Date.now() - one.startedMs,
    ...(result ? { result } : {}),
    ...(error === undefined ? {} : { error: { code: error } }),
    agent: { session_id: one.session, outcome: agentOutcome, ...(calls ? { calls, denied: denied ?? 0 } : {}) },
  });
  // It may be reset, and goes on while the stored log has its parent wait for it. Alone, it rides with the next call at once.
  if (journal.state().ledger.pending.length > 0) keep(guard, runner);
}

function told({ callId, tool }: AgentInFlight, outcome: string, why: string): TranscriptItem {
  return { kind: 'tool_refused', callId, tool, text: JSON.stringify({ error: 'AgentFailed', outcome, why }) };
}
