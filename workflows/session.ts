import { ApplicationFailure, CancellationScope, CancelledFailure, sleep, workflowInfo } from '@temporalio/workflow';
import { AegrailError } from '../src/core/errors.ts';
import { deadlineMs, type Ledger } from '../src/core/ledger.ts';
import { type Denial, REFUSALS } from '../src/core/refusals.ts';
import { parseStartArguments, type StartInput } from '../src/core/start-input.ts';
import type { FailureDetails, Opened, SessionResult } from '../src/protocol.ts';
import { begin, start } from './begin.ts';
import { publishView } from './desk.ts';
import { type End, endSession } from './end.ts';
import type { GuardContext } from './guard.ts';
import { type Conversation, firstConversation, type ModelTurn, modelTurn } from './model-turn.ts';
import { UnreadablePayload } from './payload-converter.ts';
import { runOpen } from './proxies.ts';
import { LogMoved, rejoin } from './rejoin.ts';
import { backoffMs } from './retry.ts';
import type { Runner } from './runner.ts';
import { failureOf } from './settle.ts';
import { createStopper, GRACE_MS, type Stopper, type StopReason } from './stopper.ts';
import { toolTurn } from './tool-turn.ts';

/** Most tries of asking a worker for the contract. */
const OPEN_ATTEMPTS = 20;

/**
 * One governed session of an agent: model, tools, model … until it answers, a limit is reached, or it is cancelled.
 *
 * Its input is a {@link StartInput}, from a client in any language; its result a {@link SessionResult}. It fails with a
 * non-retryable ApplicationFailure whose type is an ErrorCode.
 */
export async function agentSession(...args: unknown[]): Promise<SessionResult> {
  const input = checked(args);
  const root = CancellationScope.current();
  // Everything runs in a scope that a cancellation does not reach: the stopper hears of it and ends what is in flight,
  // and the records of the end are still written.
  const { result, end } = await CancellationScope.nonCancellable(() => run(input, root));
  if (end.kind === 'cancelled') throw new CancelledFailure('The session was cancelled.');
  if (end.kind === 'failed') throw failure(end.code, end.why, result);
  if (end.kind === 'killed' && input.failOnKill) throw failure('SESSION_KILLED', end.denial.why, result);
  return result;
}

async function run(input: StartInput, root: CancellationScope): Promise<{ result: SessionResult; end: End }> {
  const opened = await open(input, root);
  const guard = begin(input, opened);
  const left = (): number => deadlineMs(guard.journal.state().ledger) - Date.now();
  const stopper = createStopper(root, left(), (reason) => recordStop(guard, reason));
  const runner: Runner = {
    journal: guard.journal,
    stopper,
    contractSha256: guard.contractSha256,
    get deadlineMs() {
      return deadlineMs(guard.journal.state().ledger);
    },
  };
  const desk = publishView(guard);
  const { promptOverheadTokens } = guard.contract.model;
  const talk: Talk = {
    conversation: firstConversation(opened.message, opened.promptBytes, promptOverheadTokens),
    answered: null,
  };
  for (;;) {
    try {
      const end = await converse(guard, runner, talk);
      return { result: await endSession(guard, runner, end, desk), end };
    } catch (thrown) {
      if (!(thrown instanceof LogMoved)) throw thrown;
      // It was reset: from here on with what the session has spent by then, from the point of the talk that it was reset to.
      await rejoin(guard.journal, guard.contractSha256, () => start(guard.journal, input, opened));
      stopper.until(left());
    }
  }
}

/** How far a talk has come: what is said next to the model, or which calls of its last answer are to be run. */
interface Talk {
  conversation: Conversation;
  answered: Extract<ModelTurn, { kind: 'answer' }> | null;
}

async function converse(guard: GuardContext, runner: Runner, talk: Talk): Promise<End> {
  const depth = depthExceeded(guard);
  if (depth) return { kind: 'killed', denial: depth };
  for (;;) {
    if (!talk.answered) {
      const turn = await modelTurn(guard, runner, talk.conversation);
      if (turn.kind === 'exceeded') return { kind: 'killed', denial: turn.denial };
      if (turn.kind === 'failed') return failedEnd(turn.failure);
      if (turn.kind === 'stopped') return stopEnd(guard, runner.stopper);
      talk.answered = turn;
    }
    const { answer, conversation } = talk.answered;
    if (answer.asked.length === 0) return { kind: 'answered', answer: answer.text };
    const tools = await toolTurn(guard, runner, answer.asked);
    if (tools.kind === 'exceeded') return { kind: 'killed', denial: tools.denial };
    if (tools.kind === 'stopped') return stopEnd(guard, runner.stopper);
    talk.conversation = { ...conversation, append: tools.items };
    talk.answered = null;
  }
}

/**
 * Asks a worker for the contract. Until then there is no session, so a failure leaves no log, and neither does a
 * cancellation while no worker can open it.
 */
async function open(input: StartInput, root: CancellationScope): Promise<Opened> {
  const { firstExecutionRunId } = workflowInfo();
  let opened: Opened | null = null;
  // A worker that opens it now may still do so, for its log begins with it; one that says nothing is not waited for.
  const givenUp = root.cancelRequested.catch(() =>
    opened ? null : sleep(GRACE_MS, { summary: 'grace period of its opening' }),
  );
  for (let attempt = 1; ; attempt++) {
    try {
      const opening = runOpen({ call: { input, firstRunId: firstExecutionRunId }, permit: null, records: [] });
      opened = (await Promise.race([opening, givenUp])) ?? null;
      if (opened) return opened;
      throw new CancelledFailure('The session was cancelled before it was opened.');
    } catch (thrown) {
      if (thrown instanceof CancelledFailure) throw thrown;
      const { failure, message } = failureOf(thrown);
      const waitMs = backoffMs(failure, attempt, OPEN_ATTEMPTS);
      if (waitMs === null) throw ApplicationFailure.nonRetryable(message, failure.code);
      const cancelled = root.cancelRequested.catch(() => true);
      if (await Promise.race([cancelled, sleep(waitMs, { summary: 'before opening it again' })])) {
        throw new CancelledFailure('The session was cancelled before it was opened.');
      }
    }
  }
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

/** Why everything in flight is stopped, recorded before it is. */
function recordStop({ journal }: GuardContext, reason: StopReason): void {
  const { ledger, ended } = journal.state();
  if (ended) return;
  if (reason === 'cancelled') journal.emit('cancel_requested', { in_flight: ledger.pending.length });
  else {
    const needed = { usd_nano: 0, tokens: 0, tool_calls: 0 };
    journal.emit('budget_exceeded', { reason, asi: REFUSALS[reason].asi, why: clockWhy(ledger), needed });
  }
}

function stopEnd({ journal }: GuardContext, stopper: Stopper): End {
  if (stopper.reason() !== 'wall_seconds') return { kind: 'cancelled' };
  return { kind: 'killed', denial: { reason: 'wall_seconds', why: clockWhy(journal.state().ledger) } };
}

function clockWhy({ grant }: Ledger): string {
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

/** In workflow code anything but an ApplicationFailure would retry the workflow task for ever. */
function checked(args: readonly unknown[]): StartInput {
  const [only] = args;
  if (only instanceof UnreadablePayload && args.length === 1) {
    throw ApplicationFailure.nonRetryable(`The session's input can not be read: ${only.why}`, 'INPUT_INVALID');
  }
  try {
    return parseStartArguments(args);
  } catch (thrown) {
    if (thrown instanceof AegrailError) throw ApplicationFailure.nonRetryable(thrown.message, thrown.code);
    throw ApplicationFailure.nonRetryable(`The session's input can not be read: ${String(thrown)}`, 'INPUT_INVALID');
  }
}

function failure(code: string, why: string, result: SessionResult): ApplicationFailure {
  return ApplicationFailure.create({ message: why, type: code, nonRetryable: true, details: [result] });
}
