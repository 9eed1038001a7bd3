import { condition } from '@temporalio/workflow';
import { remaining } from '../src/core/ledger.ts';
import type { Denial } from '../src/core/refusals.ts';
import type { AgentCall, AskedCall, Settled, ToolAnswer, ToolCall, TranscriptItem } from '../src/calls.ts';
import { ONE_CALL } from './accounts.ts';
import { admitAgent, agentNeed, agentOf } from './admit-agent.ts';
import type { AgentInFlight } from './agent-session.ts';
import { goOnWithAgent, runAgent, type WaitingAgents } from './agent-turn.ts';
import { endedByDeadline } from './by-deadline.ts';
import { isTimeToContinue } from './carry.ts';
import { type Admitted, admitTool, approvalNeeded, denyTool, type GuardContext, judgeLoop } from './guard.ts';
import { passedPause } from './pause.ts';
import { backoffMs } from './retry.ts';
import { flush, type Runner, runTool } from './runner.ts';
import { failed, recordEnd, refusal, result } from './tool-end.ts';

/** Most tries of one call of an idempotent tool. */
const MAX_ATTEMPTS = 3;

/** How the tool calls of one answer ended. */
export type ToolTurn =
  | { readonly kind: 'results'; readonly items: readonly TranscriptItem[] }
  | { readonly kind: 'exceeded'; readonly denial: Denial }
  | { readonly kind: 'stopped' }
  /** Only agents are waited for, and the history has grown long: the next run goes on with them. */
  | { readonly kind: 'continue'; readonly half: HalfTurn };

/** The tool calls of one answer that was not done with when its run was continued by another: plain JSON. */
export interface HalfTurn {
  readonly items: readonly { readonly index: number; readonly item: TranscriptItem }[];
  readonly agents: readonly { readonly index: number; readonly agent: AgentInFlight }[];
}

type OneCall = { readonly item: TranscriptItem } | { readonly exceeded: Denial } | { readonly stopped: true };

/**
 * Runs the calls that an answer asked for, side by side, each one decided and reserved in order. A denied one is
 * answered to the model; an exceeded budget starts no further call, and those in flight come to their end.
 *
 * @param half what an earlier run did of it
 */
export async function toolTurn(
  guard: GuardContext,
  runner: Runner,
  asked: readonly AskedCall[],
  half: HalfTurn | null,
): Promise<ToolTurn> {
  const ends: (OneCall | undefined)[] = [];
  for (const { index, item } of half?.items ?? []) ends[index] = { item };
  const taken = new Map(half?.agents.map(({ index, agent }) => [index, agent]));
  const inFlight = new Set<Promise<void>>();
  const agents: WaitingAgents = { byIndex: new Map(), isParked: false };
  const called = agentCalls(guard, asked);
  let exceeded = false;
  // Said while a call is admitted, not when its promise is heard: the next call of the same answer must not be tried.
  const onExceeded = (): void => void (exceeded = true);
  // What goes wrong in one call is thrown when all have come to their end: none may go on beside what follows.
  let thrown: { readonly error: unknown } | null = null;
  const onThrown = (error: unknown): void => void (thrown ??= { error });
  const mayPark = (): boolean =>
    !exceeded && !thrown && agents.byIndex.size === inFlight.size && mayContinue(guard, runner, inFlight.size);
  // One call is the common case: it is waited for without the promises that a group of them needs.
  const nextEnd = (): Promise<unknown> | undefined => {
    const before = inFlight.size;
    if (called.size > 0) return condition(() => inFlight.size < before || mayPark());
    const [first] = inFlight;
    return inFlight.size === 1 ? first : Promise.race(inFlight);
  };
  const parked = (): ToolTurn => {
    agents.isParked = true;
    return { kind: 'continue', half: halfOf(ends, agents) };
  };
  for (const [index, call] of asked.entries()) {
    if (ends[index]) continue;
    const agent = taken.get(index);
    // What another run started runs: it is only waited for. And where nothing is in flight, there is nothing to wait for.
    const mustWait = (): boolean =>
      !agent && inFlight.size > 0 && (inFlight.size >= guard.contract.maxParallelCalls || isShortByAgents(guard));
    while (mustWait()) {
      await nextEnd();
      if (mayPark()) return parked();
    }
    if (guard.journal.overfull())
      await flush(guard.journal, guard.contractSha256, runner.deadlineMs, runner.stopper.pause).catch(onThrown);
    if (guard.journal.state().paused) await passedPause(guard, runner).catch(onThrown);
    // Looked at last: while the store was waited for, a stop may have come. What runs is waited for nevertheless.
    if (!agent && (exceeded || thrown || runner.stopper.reason())) continue;
    const context: CallContext = { index, onExceeded, agents, shares: () => sharesOf(called, index) };
    const running = agent
      ? goOnWithAgent(guard, runner, agent, agents, index).then((item): OneCall => (item ? { item } : STOPPED))
      : oneCall(guard, runner, call, context);
    const work = running.then(
      (end) => {
        ends[index] = end;
        inFlight.delete(work);
        // The next thing is scheduled when the last one has ended.
        if (inFlight.size > 0) guard.journal.leaveTrace();
      },
      (error: unknown) => {
        onThrown(error);
        inFlight.delete(work);
      },
    );
    inFlight.add(work);
  }
  while (inFlight.size > 0) {
    await (called.size === 0 && inFlight.size > 1 ? Promise.all(inFlight) : nextEnd());
    if (inFlight.size > 0 && mayPark()) return parked();
  }
  rethrow(thrown);
  return summed(ends, runner);
}

const STOPPED: OneCall = { stopped: true };

/** Where in its answer a call is, and who is to know what comes of it. */
interface CallContext {
  readonly index: number;
  readonly onExceeded: () => void;
  readonly agents: WaitingAgents;
  /** Agents that are still to be called by the same answer: they share what is left. */
  readonly shares: () => number;
}

/** The calls of agents in an answer, by their index. */
function agentCalls(guard: GuardContext, asked: readonly AskedCall[]): ReadonlySet<number> {
  return new Set([...asked.keys()].filter((index) => agentOf(guard, asked[index]?.tool ?? '') !== null));
}

function sharesOf(called: ReadonlySet<number>, from: number): number {
  return [...called].filter((index) => index >= from).length;
}

/** Whether the next call must wait: there is no tool call left, but an agent holds more than its own and may not need them. */
function isShortByAgents({ journal }: GuardContext): boolean {
  const { ledger } = journal.state();
  return remaining(ledger, 'toolCalls') < 1 && ledger.pending.some(({ amounts }) => amounts.toolCalls > 1);
}

/** Whether another run may go on here: Temporal asks for it, and nothing but so many agents is waited for. */
function mayContinue(guard: GuardContext, { stopper }: Runner, agents: number): boolean {
  // A migration waits for the end of this turn, in this run.
  return agents > 0 && stopper.reason() === null && !guard.migrations.isWaiting() && isTimeToContinue(guard, agents);
}

function halfOf(ends: readonly (OneCall | undefined)[], { byIndex }: WaitingAgents): HalfTurn {
  const items = [...ends.entries()].flatMap(([index, end]) =>
    end && 'item' in end ? [{ index, item: end.item }] : [],
  );
  return { items, agents: [...byIndex].map(([index, agent]) => ({ index, agent })) };
}

function rethrow(thrown: { readonly error: unknown } | null): void {
  if (thrown) throw thrown.error;
}

function summed(ends: readonly (OneCall | undefined)[], runner: Runner): ToolTurn {
  // Who asked to cancel sees a cancelled session, whatever ran out meanwhile; and so does who turned the kill switch.
  const why = runner.stopper.reason();
  if (why === 'cancelled' || why === 'kill_switch') return { kind: 'stopped' };
  const items: TranscriptItem[] = [];
  for (const end of ends) {
    if (end && 'exceeded' in end) return { kind: 'exceeded', denial: end.exceeded };
    if (end && 'item' in end) items.push(end.item);
  }
  return why ? { kind: 'stopped' } : { kind: 'results', items };
}

async function oneCall(guard: GuardContext, runner: Runner, asked: AskedCall, context: CallContext): Promise<OneCall> {
  const loop = judgeLoop(guard, asked);
  if (loop.refused) return { item: refusal(asked, loop.refused) };
  let needed = approvalNeeded(guard, asked, loop.asks);
  let isSettled = false;
  const agent = agentOf(guard, asked.tool);
  let idempotencyKey: string | null = null;
  for (let attempt = 1; ; attempt++) {
    do {
      if (needed) {
        const answer = await guard.approvals.ask(guard, runner, asked, needed);
        if (answer === 'stopped') return STOPPED;
        if (answer) denyTool(guard, asked, answer);
        if (answer) return { item: refusal(asked, answer) };
        isSettled = true;
      }
      // An account is asked only where the call does not fit what is leased: for others nothing is awaited.
      const need = agent ? agentNeed(guard, agent, context.shares()) : ONE_CALL;
      while (guard.accounts.lacks(guard, need) && (await guard.accounts.cover(guard, runner, need)));
      if (runner.stopper.reason()) return STOPPED;
      if (guard.journal.state().paused && !(await passedPause(guard, runner))) return STOPPED;
      // Others were admitted while something was waited for, and the rule may ask by now. Another try is no other call.
      needed = isSettled ? null : approvalNeeded(guard, asked, loop.asks);
    } while (needed);
    const admission = agent
      ? admitAgent(guard, asked, agent, context.shares())
      : admitTool(guard, asked, { attempt, idempotencyKey });
    if ('denied' in admission) return { item: refusal(asked, admission.denied) };
    if ('exceeded' in admission) {
      // Not asked for nothing: while a promise is waited for, the next call of an answer would be tried.
      const asks = guard.purse.asksAt(guard, admission.exceeded);
      if (asks && (await guard.purse.raised(guard, runner))) continue;
      if (asks && runner.stopper.reason()) return { stopped: true };
      context.onExceeded();
      return { exceeded: admission.exceeded };
    }
    isSettled = true;
    if (agent) {
      const { admitted } = admission as { admitted: Admitted<AgentCall> };
      const item = await runAgent(guard, runner, agent, asked, admitted, context);
      return item ? { item } : STOPPED;
    }
    const { admitted } = admission as { admitted: Admitted<ToolCall> };
    idempotencyKey = admitted.call.idempotencyKey;
    const summary = `tool ${asked.tool}${attempt > 1 ? `, try ${attempt}` : ''}`;
    const settled = await runTool(runner, admitted, summary);
    const waitMs = retryIn(settled, admitted, attempt, runner);
    recordEnd(guard, admitted, settled, waitMs);
    if (settled.outcome === 'ok') return { item: result(asked, settled.answer) };
    if (runner.stopper.reason()) return { stopped: true };
    const ownTimeoutMs = guard.contract.tools[asked.tool]?.timeoutMs ?? 0;
    if (await endedByDeadline(runner, admitted, settled.failure, ownTimeoutMs)) return { stopped: true };
    if (waitMs === null) return { item: failed(asked, settled.failure) };
    if (!(await runner.stopper.pause(waitMs))) return { stopped: true };
    if (settled.failure.code !== 'AUDIT_UNAVAILABLE') continue;
    if (!(await flush(guard.journal, guard.contractSha256, runner.deadlineMs, runner.stopper.pause)))
      return runner.stopper.reason() ? STOPPED : { item: failed(asked, settled.failure) };
  }
}

/** A call that surely did not start may be tried again; one that may have, only when its tool is idempotent. */
function retryIn(
  settled: Settled<ToolAnswer>,
  { call }: Admitted<ToolCall>,
  attempt: number,
  runner: Runner,
): number | null {
  if (settled.outcome === 'ok') return null;
  const again = settled.outcome === 'not_started' || call.idempotencyKey !== null;
  const waitMs = again ? backoffMs(settled.failure, attempt, MAX_ATTEMPTS) : null;
  return waitMs !== null && Date.now() + waitMs < runner.deadlineMs ? waitMs : null;
}
