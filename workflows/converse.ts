import { createEventGroup } from '@temporalio/workflow';
import type { Denial } from '../src/core/refusals.ts';
import { switchedOnWhy } from '../src/core/switched-on.ts';
import type { Ledger } from '../src/core/ledger.ts';
import type { FailureDetails } from '../src/calls.ts';
import { isTimeToContinue } from './carry.ts';
import { compactIfDue, type Memory, memoryOf, noteCounted } from './compaction.ts';
import type { End } from './end.ts';
import type { GuardContext } from './guard.ts';
import type { Inbox } from './inbox.ts';
import { type Conversation, type ModelTurn, modelTurn } from './model-turn.ts';
import { passedPause } from './pause.ts';
import { flush, type Runner } from './runner.ts';
import type { Stopper } from './stopper.ts';
import { type HalfTurn, toolTurn } from './tool-turn.ts';

/** How far a talk has come. It is kept outside of {@link converse}, which may have to be gone into again. */
export interface Talk {
  conversation: Conversation;
  /** An answer of the model whose calls are to be run. */
  calling: Extract<ModelTurn, { kind: 'answer' }> | null;
  /** What an earlier run did of those calls, where it handed them over. */
  half: HalfTurn | null;
  /** The last answer, while the session waits for what is said next. */
  idle: string | null;
  /** What is being answered; null: the message that the session was started with. */
  messageId: string | null;
  /** Counts what was said, from 1. Absent in what an older release handed over. */
  turn?: number;
  /** What is needed to compact it. Absent in what an older release handed over. */
  memory?: Memory;
}

/** A talk at its beginning. */
export function createTalk(conversation: Conversation): Talk {
  const memory = memoryOf(conversation.append[0] ?? null);
  return { conversation, calling: null, half: null, idle: null, messageId: null, turn: 1, memory };
}

/**
 * Model, tools, model … until it answers; and again for whatever is said to it next, until the session is to end.
 *
 * @returns how it ends; null when its history has grown long, and it is to go on in another run
 */
export async function converse(guard: GuardContext, runner: Runner, talk: Talk, inbox: Inbox): Promise<End | null> {
  const { migrations, journal } = guard;
  for (;;) {
    // What agents that are in flight were given was given by the contract of now.
    if (migrations.isWaiting() && !talk.half) await migrations.perform(talk);
    if (isTimeToContinue(guard) && runner.stopper.reason() === null) return null;
    // Here, and not before the next call, where a migration would have to wait for the end of the pause.
    if (talk.idle === null && journal.state().paused && runner.stopper.reason() === null) {
      // One that waits for agents that are in flight waits for the end of the pause with them.
      await passedPause(guard, runner, () => migrations.isWaiting() && !talk.half);
      continue;
    }
    const end =
      talk.idle === null
        ? await inTurn(talk, () => oneStep(guard, runner, talk, inbox))
        : await idle(guard, runner, talk, inbox);
    if (end) return end === 'continue' ? null : end;
  }
}

/** Marks what a step does in history as its turn's, for who reads it in the Temporal UI. The label says nothing of anybody. */
function inTurn<T>({ turn = 1 }: Talk, step: () => Promise<T>): Promise<T> {
  return createEventGroup(`turn ${turn}`, { id: `turn-${turn}` }).withScope(step);
}

async function oneStep(
  guard: GuardContext,
  runner: Runner,
  talk: Talk,
  inbox: Inbox,
): Promise<End | 'continue' | null> {
  if (!talk.calling) {
    const halted = await compactIfDue(guard, runner, talk);
    if (!halted) {
      const append = [...talk.conversation.append, ...guard.purse.warning(guard)];
      talk.conversation = { ...talk.conversation, append };
    }
    const turn = halted ?? (await modelTurn(guard, runner, talk.conversation));
    if (turn.kind === 'exceeded') return { kind: 'killed', denial: turn.denial };
    if (turn.kind === 'failed') return failedEnd(turn.failure);
    if (turn.kind === 'stopped') return stopEnd(guard, runner.stopper);
    talk.calling = turn;
    noteCounted(guard, talk, turn.conversation.countedTokens);
  }
  const { answer, conversation } = talk.calling;
  if (answer.asked.length === 0) {
    inbox.answered(talk.messageId, answer.text);
    guard.loops.answered();
    Object.assign(talk, { conversation, calling: null, idle: answer.text });
    return null;
  }
  const tools = await toolTurn(guard, runner, answer.asked, talk.half);
  talk.half = null;
  if (tools.kind === 'exceeded') return { kind: 'killed', denial: tools.denial };
  if (tools.kind === 'stopped') return stopEnd(guard, runner.stopper);
  if (tools.kind === 'continue') {
    talk.half = tools.half;
    return 'continue';
  }
  Object.assign(talk, { conversation: { ...conversation, append: tools.items }, calling: null });
  return null;
}

/** Waits for what is said next, for days if need be: nothing runs, and everything that happened is stored. */
async function idle(guard: GuardContext, runner: Runner, talk: Talk, inbox: Inbox): Promise<End | null> {
  const { stopper, deadlineMs } = runner;
  const answered: End = { kind: 'answered', answer: talk.idle ?? '' };
  if (!inbox.isOpen) return answered;
  await flush(guard.journal, guard.contractSha256, deadlineMs, stopper.pause);
  const message = await inbox.next(() => stopper.reason() !== null || guard.migrations.isWaiting());
  if (stopper.reason()) return stopEnd(guard, stopper);
  if (!message && guard.migrations.isWaiting()) return null;
  if (!message) return answered;
  const question = { kind: 'said', text: message.text } as const;
  const conversation = { ...talk.conversation, append: [question] };
  const memory: Memory = { ...talk.memory, question };
  const turn = (talk.turn ?? 1) + 1;
  Object.assign(talk, { conversation, idle: null, messageId: message.id, turn, memory });
  return null;
}

/** How a session ends that is deeper than it may be; null when it is not. */
export function depthEnd(guard: GuardContext): End | null {
  const denial = depthExceeded(guard);
  return denial && { kind: 'killed', denial };
}

function depthExceeded({ journal }: GuardContext): Denial | null {
  const { ledger } = journal.state();
  const { recursionDepth } = ledger.grant;
  if (ledger.depth <= recursionDepth) return null;
  return {
    reason: 'max_recursion_depth',
    why: `The session is at depth ${ledger.depth}, and may be at ${recursionDepth}.`,
  };
}

function stopEnd({ journal }: GuardContext, stopper: Stopper): End {
  const killedBy = stopper.killedBy();
  if (killedBy) return { kind: 'killed', denial: { reason: 'kill_switch', why: switchedOnWhy(killedBy) } };
  if (stopper.reason() !== 'wall_seconds') return { kind: 'cancelled' };
  return { kind: 'killed', denial: { reason: 'wall_seconds', why: clockWhy(journal.state().ledger) } };
}

/** Why the wall clock ended a session, for a person. */
export function clockWhy({ grant }: Ledger): string {
  return `The wall clock of ${grant.wallMs / 1000} seconds has run out.`;
}

function failedEnd(failure: FailureDetails): End {
  if (failure.code !== 'AUDIT_UNAVAILABLE') return { kind: 'failed', code: 'MODEL_FAILED', why: modelFailure(failure) };
  const why =
    'The store did not take the records that admit the next call, and was not back in time: nothing ran without them.';
  return { kind: 'failed', code: 'AUDIT_UNAVAILABLE', why };
}

/** What a failure's code alone does not tell a user. */
const HINTS: Readonly<Record<string, string>> = {
  PROVIDER_NOT_CONFIGURED:
    ' The worker has no key for this provider, or does not know it: its log names the variable to set.',
};

function modelFailure(failure: {
  readonly code: string;
  readonly status: number | null;
  readonly retryable: boolean;
}): string {
  const status = failure.status === null ? '' : `, HTTP status ${failure.status}`;
  const again = failure.retryable
    ? 'trying again did not help, or did not fit into the wall clock'
    : 'trying again would not help';
  return `The model failed (${failure.code}${status}); ${again}.${HINTS[failure.code] ?? ''}`;
}
