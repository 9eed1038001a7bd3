import { allHandlersFinished, condition, continueAsNew, workflowInfo } from '@temporalio/workflow';
import type { RecentCalls } from '../src/core/loops.ts';
import type { StartInput } from '../src/core/start-input.ts';
import type { Talk } from './converse.ts';
import type { GuardContext } from './guard.ts';
import type { Inbox, InboxState } from './inbox.ts';
import type { PurseState } from './purse.ts';
import { flush, type Runner } from './runner.ts';

/**
 * What one run of a session hands to the next. The ledger is not in it: the next run reads it from the store, as after a
 * reset, so that there is one truth of what was spent.
 */
export interface Carry {
  readonly talk: Talk;
  readonly inbox: InboxState;
  readonly purse: PurseState;
  /** What the loop rule remembers. */
  readonly recent: RecentCalls;
}

/** The carry of a run that another continued as; null for whoever else gives a second argument. */
export function carryOf(args: readonly unknown[]): Carry | null {
  return args.length === 2 && workflowInfo().continuedFromExecutionRunId ? (args[1] as Carry) : null;
}

/**
 * Whether the history has grown so long that Temporal asks for a new one, and nothing is in the middle of something.
 *
 * @param agents how many sessions of sub-agents are waited for: the next run goes on with those
 */
export function isTimeToContinue({ journal, approvals, purse }: GuardContext, agents = 0): boolean {
  if (!workflowInfo().continueAsNewSuggested) return false;
  return journal.state().ledger.pending.length === agents && approvals.waiting().length === 0 && !purse.isAsking();
}

/**
 * Goes on in another run, with an empty history. Nothing that was said is lost or doubled: who waits for an answer is told
 * to ask the next run, and what happened is stored before.
 *
 * @returns only when the store does not take the records: then this run goes on
 */
export async function continueInAnotherRun(
  input: StartInput,
  guard: GuardContext,
  runner: Runner,
  talk: Talk,
  inbox: Inbox,
): Promise<void> {
  const { journal, contractSha256 } = guard;
  const isStored = (): Promise<boolean> => flush(journal, contractSha256, runner.deadlineMs, runner.stopper.pause);
  // Stopped meanwhile, it is this run that ends.
  if (!(await isStored()) || runner.stopper.reason()) return;
  inbox.handOver();
  await condition(allHandlersFinished);
  // A signal that came meanwhile left a record.
  while (journal.carried().length > 0 && (await isStored()));
  // A cancellation is this run's: the next one would not hear of it.
  if (runner.stopper.reason() || journal.carried().length > 0) return inbox.takeBack();
  runner.stopper.release();
  const carry: Carry = { talk, inbox: inbox.state(), purse: guard.purse.state(), recent: guard.loops.recent() };
  await continueAsNew<(input: StartInput, carry: Carry) => Promise<unknown>>({ ...input, input: '' }, carry);
}
