import { ApplicationFailure, defineSignal, defineUpdate, isCancellation, setHandler } from '@temporalio/workflow';
import { limitsInput } from '../src/core/limits.ts';
import { celFacts } from '../src/core/policy.ts';
import type { Denial } from '../src/core/refusals.ts';
import { sessionFacts } from '../src/core/session-facts.ts';
import { snapshotOf, wireAmounts } from '../src/core/session-state.ts';
import {
  amountsOfTopUp,
  parseTopUp,
  passedSoftLimit,
  topUpProblem,
  type TopUpInput,
  unlimitedProblem,
} from '../src/core/top-up.ts';
import type { TranscriptItem } from '../src/calls.ts';
import { TOP_UP, type TopUpResult } from '../src/protocol.ts';
import type { GuardContext } from './guard.ts';
import { onlyArgument } from './only-argument.ts';
import { keep } from './pause.ts';
import { flush, type Runner } from './runner.ts';
import { within } from './within.ts';

/** Ids by which a top-up that comes again is known in the next run. */
const IDS_KEPT = 200;

/** What one run of a session hands to the next: plain JSON. */
export interface PurseState {
  /** The budgets that the model was told of. */
  readonly told: readonly string[];
  /** Ids of top-ups. */
  readonly known: readonly string[];
}

/** Where a session's budget is raised, and where it waits for that. */
export interface Purse {
  /** @param isTakenOver whether this run was reset, and took over the log: what came early is in that, said again by the reset */
  attach(guard: GuardContext, runner: Runner, isTakenOver: boolean): void;
  /** Whether somebody is waited for. */
  isAsking(): boolean;
  /** What the next run needs. */
  state(): PurseState;
  /** Whether a person is asked, now that this budget is exceeded. */
  asksAt(guard: GuardContext, denial: Denial): boolean;
  /**
   * Waits for a person to raise the budget that was exceeded.
   *
   * @returns whether it was raised: then the call may be tried again
   */
  raised(guard: GuardContext, runner: Runner): Promise<boolean>;
  /** The budget is another: what the model was told of the one before counts no more. */
  forget(): void;
  /** What the model is to be told of its budget now, if anything. */
  warning(guard: GuardContext): TranscriptItem[];
}

/**
 * Opens the purse before anything else is done: an update that meets no handler is refused by the SDK.
 *
 * @param carried what the run before had; null in the first one
 */
export function openPurse(carried: PurseState | null): Purse {
  let opened: { readonly guard: GuardContext; readonly runner: Runner } | null = null;
  let raises = 0;
  let asking = 0;
  const told = new Set(carried?.told);
  const known = new Set(carried?.known);
  /** What came before this run was open: it waits for that, as it would not be sent again. */
  const early: ((isTakenOver: boolean) => void)[] = [];

  const topUp = (input: TopUpInput): TopUpResult => {
    if (!opened || opened.guard.journal.state().ended) throw refusedBy('the session is not open');
    const { contract, principal, journal } = opened.guard;
    const state = journal.state();
    const facts = celFacts({ args: {}, principal, session: sessionFacts(state), ledger: state.ledger });
    const problem =
      topUpProblem(contract.budget, input.by, principal.user, facts) ?? unlimitedProblem(state.ledger.grant, input);
    if (problem) throw refusedBy(problem);
    const { id, by, reason = null } = input;
    const grantedNow = (): TopUpResult => {
      const { ledger: now } = journal.state();
      return { outcome: 'raised', limits: limitsInput(now.grant), budget: snapshotOf(now, Date.now()) };
    };
    if (id !== undefined && known.has(id)) return grantedNow();
    if (id !== undefined) known.add(id);
    journal.emit('budget_raised', { by, reason, amounts: wireAmounts(amountsOfTopUp(input)) });
    raises += 1;
    told.clear();
    keep(opened.guard, opened.runner);
    return grantedNow();
  };
  const whenOpen = (input: TopUpInput): TopUpResult | Promise<TopUpResult> => {
    if (opened) return topUp(input);
    return new Promise<boolean>((resolve) => early.push(resolve)).then((isTakenOver) => {
      // Temporal sends a reset run what the one before it was sent, and nobody can tell that from what is new.
      if (isTakenOver)
        throw refusedBy('the session was reset, and has what it was given before. Send again what is new');
      return topUp(input);
    });
  };

  setHandler(defineUpdate<TopUpResult, [TopUpInput]>(TOP_UP), (input) => whenOpen(parseTopUp(input)), {
    description:
      'Raises the budget: {"id", "usd", "tokens", "maxToolCalls", "by", "reason"}. The same id twice is one.',
    validator: (...args) => void onlyArgument(args, parseTopUp),
  });
  setHandler(
    defineSignal<unknown[]>(TOP_UP),
    async (...args) => {
      try {
        await whenOpen(onlyArgument(args, parseTopUp));
      } catch {
        // Nobody hears an answer to a signal, and the session is not to be harmed by it.
      }
    },
    { description: 'The same without an answer: for when no worker is up.' },
  );

  return {
    attach(guard, runner, isTakenOver) {
      opened = { guard, runner };
      for (const goOn of early.splice(0)) goOn(isTakenOver);
    },
    isAsking: () => asking > 0,
    state: () => ({ told: [...told], known: [...known].slice(-IDS_KEPT) }),
    asksAt: ({ contract }, { reason }) =>
      contract.budget.onExceeded === 'ask' && ['usd', 'tokens', 'max_tool_calls'].includes(reason),
    async raised(guard, runner) {
      const { askMs } = guard.contract.budget;
      const before = raises;
      asking += 1;
      guard.journal.touch();
      try {
        await flush(guard.journal, guard.contractSha256, runner.deadlineMs, runner.stopper.pause);
        const isOver = (): boolean => raises > before || runner.stopper.reason() !== null;
        return (await within(isOver, askMs, 'waiting for a larger budget')) && raises > before;
      } catch (thrown) {
        if (isCancellation(thrown)) return false;
        throw thrown;
      } finally {
        asking -= 1;
        guard.journal.touch();
      }
    },
    forget() {
      told.clear();
    },
    warning({ journal, contract }) {
      const passed = passedSoftLimit(journal.state().ledger, contract.budget.softPermille, told);
      if (passed.length === 0) return [];
      for (const warned of passed) {
        told.add(warned.dimension);
        journal.emit('budget_warned', { ...warned });
      }
      const words = passed.map(({ dimension, permille }) => `${Math.floor(permille / 10)} % of ${NAMES[dimension]}`);
      return [{ kind: 'said', text: `[budget] ${words.join(' and ')} of this session is used. Come to an end soon.` }];
    },
  };
}

const NAMES = { usd: 'the money', tokens: 'the tokens', max_tool_calls: 'the tool calls' } as const;

function refusedBy(why: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(`The budget is not raised: ${why}.`, 'TOPUP_REFUSED');
}
