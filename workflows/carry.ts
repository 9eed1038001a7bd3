import { allHandlersFinished, condition, makeContinueAsNewFunc, workflowInfo } from '@temporalio/workflow';
import type { RecentCalls } from '../src/core/loops.ts';
import type { StartInput } from '../src/core/start-input.ts';
import type { AnswersState } from './approvals.ts';
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
  /** Ids of migrations. The contract itself is the one that the log names. */
  readonly migrations: readonly string[];
  /** What was answered to decisions. Absent in what an older release handed over. */
  readonly approvals?: AnswersState;
  /** The run that made the session's first record, where that is not the first one: it was reset before one was stored. */
  readonly begunBy?: string;
  /** Whether the kill switch is to be looked at: somebody said so, and the store could not be read yet. */
  readonly looksAtSwitch?: boolean;
}

/** The carry of a run that another continued as; null for whoever else gives a second argument. */
export function carryOf(args: readonly unknown[]): Carry | null {
  return args.length === 2 && workflowInfo().continuedFromExecutionRunId ? (args[1] as Carry) : null;
}

/**
 * Whether Temporal asks for another run, for the history has grown long or there is a newer version of the workers, and
 * nothing is in the middle of something.
 *
 * @param agents how many sessions of sub-agents are waited for: the next run goes on with those
 */
export function isTimeToContinue({ journal, approvals, purse }: GuardContext, agents = 0): boolean {
  const { continueAsNewSuggested, targetWorkerDeploymentVersionChanged } = workflowInfo();
  if (!continueAsNewSuggested && !targetWorkerDeploymentVersionChanged) return false;
  return journal.state().ledger.pending.length === agents && approvals.waiting().length === 0 && !purse.isAsking();
}

/**
 * Goes on in another run, with an empty history. Nothing that was said is lost or doubled: who waits for an answer is told
 * to ask the next run, and what happened is stored before.
 *
 * @param also what else the next run needs, asked for when nothing happens in this one any more
 * @returns only when the store does not take the records: then this run goes on
 */
export async function continueInAnotherRun(
  input: StartInput,
  guard: GuardContext,
  runner: Runner,
  talk: Talk,
  inbox: Inbox,
  also: () => Pick<Carry, 'begunBy' | 'looksAtSwitch'>,
): Promise<void> {
  const { journal, contractSha256, migrations } = guard;
  const isStored = (): Promise<boolean> => flush(journal, contractSha256, runner.deadlineMs, runner.stopper.pause);
  // Stopped meanwhile, it is this run that ends.
  if (!(await isStored()) || runner.stopper.reason()) return;
  inbox.handOver();
  const isQuiet = (): Promise<void> => condition(() => allHandlersFinished() || migrations.isWaiting());
  await isQuiet();
  // A signal that came meanwhile left a record. While that was stored an update may have been accepted, and its handler runs
  // a little later (interceptors.ts): what it is answered must not be lost with this run.
  while (journal.carried().length > 0 && (await isStored())) await isQuiet();
  // A cancellation is this run's: the next one would not hear of it.
  // Who waits for a migration is answered by this one too.
  if (runner.stopper.reason() || journal.carried().length > 0 || migrations.isWaiting()) return inbox.takeBack();
  runner.stopper.release();
  const { purse, loops, approvals } = guard;
  const states = {
    approvals: approvals.state(),
    inbox: inbox.state(),
    purse: purse.state(),
    migrations: migrations.state(),
  };
  // A run is pinned to the version that it begins on: the next one to that of the workers now. Without versions it is nothing.
  const initialVersioningBehavior = workflowInfo().targetWorkerDeploymentVersionChanged ? 'AUTO_UPGRADE' : undefined;
  const continueAsNew = makeContinueAsNewFunc<(input: StartInput, carry: Carry) => Promise<unknown>>(
    initialVersioningBehavior && { initialVersioningBehavior },
  );
  const carry: Carry = { talk, recent: loops.recent(), ...states, ...also() };
  await continueAsNew({ ...input, input: '' }, carry);
}
