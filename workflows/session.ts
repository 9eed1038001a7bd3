import { ApplicationFailure, CancellationScope, CancelledFailure, sleep, workflowInfo } from '@temporalio/workflow';
import { AegrailError } from '../src/core/errors.ts';
import { deadlineMs } from '../src/core/ledger.ts';
import { REFUSALS } from '../src/core/refusals.ts';
import { parseNextInput, parseStartArguments, type StartInput } from '../src/core/start-input.ts';
import type { SwitchedOn } from '../src/core/switched-on.ts';
import type { Opened } from '../src/calls.ts';
import type { SessionResult } from '../src/protocol.ts';
import { openApprovals } from './approvals.ts';
import { begin, isTakenOver, startAnew } from './begin.ts';
import { type Carry, carryOf, continueInAnotherRun } from './carry.ts';
import { clockWhy, converse, createTalk, depthEnd } from './converse.ts';
import { publishView } from './desk.ts';
import { type End, endSession } from './end.ts';
import type { GuardContext } from './guard.ts';
import { openInbox } from './inbox.ts';
import { watchKillSwitch } from './kill-switch.ts';
import { openMigrations } from './migrate.ts';
import { firstConversation } from './model-turn.ts';
import { openPause } from './pause.ts';
import { openPurse } from './purse.ts';
import { UnreadablePayload } from './payload-converter.ts';
import { runOpen } from './proxies.ts';
import { LogMoved, rejoin } from './rejoin.ts';
import { backoffMs } from './retry.ts';
import type { Runner } from './runner.ts';
import { failureOf } from './settle.ts';
import { createStopper, GRACE_MS, type StopReason } from './stopper.ts';

/** Most tries of asking a worker for the contract. */
const OPEN_ATTEMPTS = 20;
/** The same where the session has a log, which nobody would end: with their waits of up to a minute some five hours. */
const GO_ON_ATTEMPTS = 300;

/**
 * One governed session of an agent: model, tools, model … until it answers, a limit is reached, or it is cancelled.
 *
 * Its input is a {@link StartInput}, from a client in any language; its result a {@link SessionResult}. It fails with a
 * non-retryable ApplicationFailure whose type is an ErrorCode.
 */
export async function agentSession(...args: unknown[]): Promise<SessionResult> {
  const carry = carryOf(args);
  const input = checked(carry ? args.slice(0, 1) : args, carry !== null);
  const root = CancellationScope.current();
  // Everything runs in a scope that a cancellation does not reach: the stopper hears of it and ends what is in flight,
  // and the records of the end are still written.
  const { result, end } = await CancellationScope.nonCancellable(() => run(input, carry, root));
  if (end.kind === 'cancelled') throw new CancelledFailure('The session was cancelled.');
  if (end.kind === 'failed') throw failure(end.code, end.why, result);
  if (end.kind === 'killed' && input.failOnKill) throw failure('SESSION_KILLED', end.denial.why, result);
  return result;
}

async function run(
  input: StartInput,
  carry: Carry | null,
  root: CancellationScope,
): Promise<{ result: SessionResult; end: End }> {
  const inbox = openInbox(input.conversation ?? false, carry?.inbox ?? null);
  const migrations = openMigrations(carry?.migrations ?? []);
  const desks = {
    approvals: openApprovals(carry?.approvals ?? []),
    purse: openPurse(carry?.purse ?? null),
    migrations,
  };
  const pause = openPause();
  const killSwitch = watchKillSwitch(carry?.looksAtSwitch ?? false);
  let begunBy = carry?.begunBy ?? workflowInfo().firstExecutionRunId;
  const opened = await open(input, begunBy, carry ? null : root);
  const guard = begin(input, opened, desks, carry?.recent);
  const left = (): number => deadlineMs(guard.journal.state().ledger) - Date.now();
  const stopper = createStopper(root, left(), (reason, by) => recordStop(guard, reason, by));
  const runner: Runner = {
    journal: guard.journal,
    stopper,
    get contractSha256() {
      return guard.contractSha256;
    },
    get deadlineMs() {
      return deadlineMs(guard.journal.state().ledger);
    },
  };
  const desk = publishView(guard, inbox, opened.searchable);
  inbox.attach(guard.journal);
  pause.attach(guard, runner);
  desks.purse.attach(guard, runner, isTakenOver(opened));
  migrations.attach(guard, runner, input.limits ?? {});
  killSwitch.attach(runner);
  if (opened.orphaned) stopper.orphaned();
  const { promptOverheadTokens } = guard.contract.model;
  const talk = carry?.talk ?? createTalk(firstConversation(opened.message, opened.promptBytes, promptOverheadTokens));
  for (;;) {
    try {
      const end = depthEnd(guard) ?? (await converse(guard, runner, talk, inbox));
      if (!end) {
        const also = (): Pick<Carry, 'begunBy' | 'looksAtSwitch'> => ({ begunBy, looksAtSwitch: killSwitch.isDue() });
        await continueInAnotherRun(input, guard, runner, talk, inbox, also);
        continue;
      }
      const result = await endSession(guard, runner, end, desk);
      migrations.close();
      await inbox.close(result);
      return { result, end };
    } catch (thrown) {
      if (!(thrown instanceof LogMoved)) throw thrown;
      // It was reset: from here on with what the session has spent by then, from the point of the talk that it was reset to.
      const {
        heldTo,
        begunBy: found,
        orphaned,
      } = await rejoin(guard.journal, guard.contractSha256, () => startAnew(guard.journal, input, opened));
      begunBy = found ?? begunBy;
      await migrations.follow(heldTo ?? opened.contractSha256, talk);
      stopper.until(left());
      if (orphaned) stopper.orphaned();
    }
  }
}

/**
 * Asks a worker for the contract. Without a root, whatever happens: a session that goes on in this run has a log, which is to
 * get its end. Otherwise: until then there is no session, so a failure leaves no log, and neither does a cancellation while no
 * worker can open it.
 *
 * @param firstRunId the run that its log begins with, if it has one
 */
async function open(input: StartInput, firstRunId: string, root: CancellationScope | null): Promise<Opened> {
  let opened: Opened | null = null;
  // A worker that opens it now may still do so, for its log begins with it; one that says nothing is not waited for.
  const asked = root?.cancelRequested ?? new Promise<never>(() => {});
  const givenUp = asked.catch(() => (opened ? null : sleep(GRACE_MS, { summary: 'grace period of its opening' })));
  for (let attempt = 1; ; attempt++) {
    try {
      const opening = runOpen({ call: { input, firstRunId }, permit: null, records: [] });
      opened = (await Promise.race([opening, givenUp])) ?? null;
      if (opened) return opened;
      throw new CancelledFailure('The session was cancelled before it was opened.');
    } catch (thrown) {
      if (thrown instanceof CancelledFailure) throw thrown;
      const { failure, message } = failureOf(thrown);
      const waitMs = backoffMs(failure, attempt, root ? OPEN_ATTEMPTS : GO_ON_ATTEMPTS);
      if (waitMs === null) throw ApplicationFailure.nonRetryable(message, failure.code);
      const cancelled = asked.catch(() => true);
      if (await Promise.race([cancelled, sleep(waitMs, { summary: 'before opening it again' })])) {
        throw new CancelledFailure('The session was cancelled before it was opened.');
      }
    }
  }
}

/** Why everything in flight is stopped, recorded before it is. */
function recordStop({ journal }: GuardContext, reason: StopReason, killedBy: SwitchedOn | null): void {
  const { ledger, ended } = journal.state();
  if (ended) return;
  const in_flight = ledger.pending.length;
  if (killedBy) journal.emit('killed_by_switch', { ...killedBy, in_flight });
  else if (reason === 'cancelled') journal.emit('cancel_requested', { in_flight });
  else {
    const needed = { usd_nano: 0, tokens: 0, tool_calls: 0 };
    journal.emit('budget_exceeded', { reason, asi: REFUSALS[reason].asi, why: clockWhy(ledger), needed });
  }
}

/** In workflow code anything but an ApplicationFailure would retry the workflow task for ever. */
function checked(args: readonly unknown[], isNext: boolean): StartInput {
  const [only] = args;
  if (only instanceof UnreadablePayload && args.length === 1) {
    throw ApplicationFailure.nonRetryable(`The session's input can not be read: ${only.why}`, 'INPUT_INVALID');
  }
  try {
    return isNext ? parseNextInput(args[0]) : parseStartArguments(args);
  } catch (thrown) {
    if (thrown instanceof AegrailError) throw ApplicationFailure.nonRetryable(thrown.message, thrown.code);
    throw ApplicationFailure.nonRetryable(`The session's input can not be read: ${String(thrown)}`, 'INPUT_INVALID');
  }
}

function failure(code: string, why: string, result: SessionResult): ApplicationFailure {
  return ApplicationFailure.create({ message: why, type: code, nonRetryable: true, details: [result] });
}
