import { costNano } from '../src/core/cost.ts';
import type { Amounts } from '../src/core/ledger.ts';
import { MESSAGE_OVERHEAD_TOKENS } from '../src/core/model-bound.ts';
import type { Denial } from '../src/core/refusals.ts';
import { wireAmounts, wireUsage } from '../src/core/session-state.ts';
import { totalTokens } from '../src/core/usage.ts';
import { utf8Bytes } from '../src/core/values.ts';
import type { FailureDetails, ModelAnswer, ModelCall, Settled, TranscriptItem } from '../src/calls.ts';
import { modelNeed } from './accounts.ts';
import { endedByDeadline } from './by-deadline.ts';
import { type Admitted, admitModel, type GuardContext } from './guard.ts';
import { passedPause } from './pause.ts';
import { backoffMs } from './retry.ts';
import { errorOf, flush, postedBlind, type Runner, runModel } from './runner.ts';
import { neverStarted } from './settle.ts';

/** Most tries of one model call. */
const MAX_ATTEMPTS = 6;

/** The conversation as the workflow knows it: a reference, and what it comes to in tokens. */
export interface Conversation {
  readonly transcript: string | null;
  /** What the provider counted for everything in the transcript: a bound of it where it did not say. */
  readonly countedTokens: number;
  readonly append: readonly TranscriptItem[];
  /** Bytes that a request holds beside its messages and that were not yet counted: instructions and tools. */
  readonly uncountedTokens: number;
}

/** How a turn of the model ended. */
export type ModelTurn =
  | {
      readonly kind: 'answer';
      readonly answer: ModelAnswer;
      readonly conversation: Conversation;
      /** Sequence number of the record that admitted it. */
      readonly reservation: number;
    }
  | { readonly kind: 'exceeded'; readonly denial: Denial }
  | { readonly kind: 'failed'; readonly failure: FailureDetails }
  | { readonly kind: 'stopped' };

/**
 * Calls the model until it answers, each try admitted, reserved and posted.
 *
 * @param purpose what it is called for, if not for the next turn
 */
export async function modelTurn(
  guard: GuardContext,
  runner: Runner,
  conversation: Conversation,
  purpose?: ModelCall['purpose'],
): Promise<ModelTurn> {
  const inputBoundTokens = inputBound(conversation);
  const { name } = guard.contract.model;
  for (let attempt = 1; ; attempt++) {
    if (guard.journal.overfull() && !(await storeFirst(guard, runner))) return notStored(runner);
    const wanted = modelNeed(guard, inputBoundTokens);
    while (guard.accounts.lacks(guard, wanted) && (await guard.accounts.cover(guard, runner, wanted)));
    if (guard.journal.state().paused && !(await passedPause(guard, runner))) return { kind: 'stopped' };
    if (runner.stopper.reason()) return { kind: 'stopped' };
    const { transcript, append } = conversation;
    const admission = admitModel(guard, { transcript, append, inputBoundTokens, attempt, purpose });
    if ('exceeded' in admission) {
      const asks = guard.purse.asksAt(guard, admission.exceeded);
      if (asks && (await guard.purse.raised(guard, runner))) continue;
      if (asks && runner.stopper.reason()) return { kind: 'stopped' };
      return { kind: 'exceeded', denial: admission.exceeded };
    }
    if ('denied' in admission) return { kind: 'exceeded', denial: admission.denied };
    const { admitted } = admission;
    const what = purpose ? `${purpose} by ${name}` : `model ${name}`;
    const summary = `${what}${attempt > 1 ? `, try ${attempt}` : ''}`;
    const settled = await runModel(runner, admitted, summary);
    if (settled.outcome === 'ok') return posted(guard, admitted, settled.answer);
    const waitMs = retryIn(settled.failure, attempt, runner);
    recordFailure(guard, admitted, settled, waitMs);
    if (runner.stopper.reason()) return { kind: 'stopped' };
    if (await endedByDeadline(runner, admitted, settled.failure, guard.contract.model.timeoutMs))
      return { kind: 'stopped' };
    if (waitMs === null) return { kind: 'failed', failure: settled.failure };
    if (!(await runner.stopper.pause(waitMs))) return { kind: 'stopped' };
    if (settled.failure.code === 'AUDIT_UNAVAILABLE' && !(await storeFirst(guard, runner))) return notStored(runner);
  }
}

/** How long to wait before the next try: null when there is none, or none before the deadline. */
function retryIn(failure: FailureDetails, attempt: number, { deadlineMs }: Runner): number | null {
  const waitMs = backoffMs(failure, attempt, MAX_ATTEMPTS);
  return waitMs !== null && Date.now() + waitMs < deadlineMs ? waitMs : null;
}

/** Upper bound of a request's input: what was counted, plus the bytes of what is new (a byte is never less than a token). */
export function inputBound({ countedTokens, uncountedTokens, append }: Conversation): number {
  return append.reduce((sum, item) => sum + bytesOf(item) + MESSAGE_OVERHEAD_TOKENS, countedTokens + uncountedTokens);
}

function bytesOf(item: TranscriptItem): number {
  // A tool result is repeated with the name and the id of its call.
  if (item.kind === 'user') return item.bytes;
  if (item.kind === 'said') return utf8Bytes(JSON.stringify(item.text));
  const frame = utf8Bytes(item.callId) + utf8Bytes(item.tool);
  return frame + (item.kind === 'tool_refused' ? utf8Bytes(JSON.stringify(item.text)) : item.bytes);
}

function posted(guard: GuardContext, admitted: Admitted<ModelCall>, answer: ModelAnswer): ModelTurn {
  const { real, state, problem } = reported(guard, admitted.reserved, answer);
  const used = real ?? admitted.reserved;
  guard.journal.emit('llm_call', {
    reservation: admitted.permit.seq,
    model: `${guard.contract.model.provider}/${guard.contract.model.name}`,
    outcome: 'ok',
    posted: wireAmounts(used),
    usage: real && answer.usage ? wireUsage(answer.usage) : null,
    usage_state: state,
    finish_reason: answer.finishReason.slice(0, 64),
    tool_calls_asked: answer.asked.length,
    elapsed_ms: Date.now() - admitted.startedMs,
  });
  if (state === 'impossible') {
    // It may have billed more than was reserved: nothing after this can be bounded, so it fails closed.
    const why = `The provider's count can not be: ${problem}. The reservation was posted in full.`;
    const reason = guard.contract.limits.usdNano === null ? 'tokens' : 'usd';
    return { kind: 'exceeded', denial: exceededByCount(guard, reason, why, admitted.reserved) };
  }
  return {
    kind: 'answer',
    answer,
    reservation: admitted.permit.seq,
    conversation: {
      transcript: answer.transcript,
      // The answer is input from now on, framed once more as a message and its calls.
      countedTokens: used.tokens + MESSAGE_OVERHEAD_TOKENS * (1 + answer.asked.length),
      uncountedTokens: 0,
      append: [],
    },
  };
}

function exceededByCount(guard: GuardContext, reason: 'usd' | 'tokens', why: string, reserved: Amounts): Denial {
  guard.journal.emit('budget_exceeded', { reason, asi: 'ASI02', why, needed: wireAmounts(reserved) });
  return { reason, why };
}

function reported(
  guard: GuardContext,
  reserved: Amounts,
  { usage, usageProblem }: ModelAnswer,
): { real: Amounts | null; state: 'reported' | 'missing' | 'impossible'; problem: string | null } {
  if (usageProblem) return { real: null, state: 'impossible', problem: usageProblem };
  if (!usage) return { real: null, state: 'missing', problem: null };
  const { price } = guard.contract.model;
  const cost = price === null ? { usdNano: 0 } : costNano(price, usage);
  if ('unpriceable' in cost) return { real: null, state: 'impossible', problem: cost.unpriceable };
  const real = { usdNano: cost.usdNano, tokens: totalTokens(usage), toolCalls: 0 };
  if (real.usdNano > reserved.usdNano) {
    // A dearer tier or region than any that was asked for.
    return {
      real: null,
      state: 'impossible',
      problem: `it costs ${real.usdNano} nano-USD, above the ${reserved.usdNano} reserved`,
    };
  }
  return { real, state: 'reported', problem: null };
}

function recordFailure(
  guard: GuardContext,
  admitted: Admitted<ModelCall>,
  settled: Exclude<Settled<ModelAnswer>, { outcome: 'ok' }>,
  retryInMs: number | null,
): void {
  guard.journal.emit('llm_call', {
    reservation: admitted.permit.seq,
    model: `${guard.contract.model.provider}/${guard.contract.model.name}`,
    outcome: settled.outcome,
    posted: postedBlind(settled.outcome, admitted),
    usage: null,
    usage_state: 'none',
    elapsed_ms: Date.now() - admitted.startedMs,
    error: errorOf(settled.failure),
    ...(retryInMs === null ? {} : { retry_in_ms: retryInMs }),
  });
}

function storeFirst(guard: GuardContext, { deadlineMs, stopper }: Runner): Promise<boolean> {
  return flush(guard.journal, guard.contractSha256, deadlineMs, stopper.pause);
}

/** What came of a call whose records the store did not take: nobody stopped the session where it was only away for too long. */
function notStored({ stopper }: Runner): ModelTurn {
  if (stopper.reason()) return { kind: 'stopped' };
  return { kind: 'failed', failure: neverStarted('AUDIT_UNAVAILABLE').failure };
}

/** The sum of what a conversation's first request holds beside the message. */
export function firstConversation(message: TranscriptItem, promptBytes: number, overheadTokens: number): Conversation {
  return { transcript: null, countedTokens: 0, append: [message], uncountedTokens: promptBytes + overheadTokens };
}
