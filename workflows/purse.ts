import { ApplicationFailure, defineSignal, defineUpdate, isCancellation, setHandler } from '@temporalio/workflow';
import { messageOf } from '../src/core/errors.ts';
import { limitsInput } from '../src/core/limits.ts';
import { celFacts } from '../src/core/policy.ts';
import type { Denial } from '../src/core/refusals.ts';
import { snapshotOf, wireAmounts } from '../src/core/session-state.ts';
import { amountsOfTopUp, parseTopUp, passedSoftLimit, topUpProblem, type TopUpInput } from '../src/core/top-up.ts';
import { TOP_UP, type TopUpResult, type TranscriptItem } from '../src/protocol.ts';
import type { GuardContext } from './guard.ts';
import { flush, type Runner } from './runner.ts';
import { within } from './within.ts';

/** Where a session's budget is raised, and where it waits for that. */
export interface Purse {
  attach(guard: GuardContext): void;
  /** Whether somebody is waited for. */
  isAsking(): boolean;
  /** The budgets that the model was told of, for the next run. */
  told(): readonly string[];
  /** Whether a person is asked, now that this budget is exceeded. */
  asksAt(guard: GuardContext, denial: Denial): boolean;
  /**
   * Waits for a person to raise the budget that was exceeded.
   *
   * @returns whether it was raised: then the call may be tried again
   */
  raised(guard: GuardContext, runner: Runner): Promise<boolean>;
  /** What the model is to be told of its budget now, if anything. */
  warning(guard: GuardContext): TranscriptItem[];
}

/**
 * Opens the purse before anything else is done: an update that meets no handler is refused by the SDK.
 *
 * @param carried the budgets that the model was told of in the run before
 */
export function openPurse(carried: readonly string[]): Purse {
  let opened: GuardContext | null = null;
  let raises = 0;
  let asking = 0;
  const told = new Set(carried);

  const topUp = (input: TopUpInput): TopUpResult => {
    if (!opened || opened.journal.state().ended) throw refusedBy('the session is not open');
    const { contract, principal, journal } = opened;
    const { ledger, tools, denied } = journal.state();
    const facts = celFacts({ args: {}, principal, session: { tools, denied }, ledger });
    const problem = topUpProblem(contract.budget, input.by, principal.user, facts);
    if (problem) throw refusedBy(problem);
    const { by, reason = null } = input;
    journal.emit('budget_raised', { by, reason, amounts: wireAmounts(amountsOfTopUp(input)) });
    raises += 1;
    told.clear();
    const after = journal.state().ledger;
    return { outcome: 'raised', limits: limitsInput(after.grant), budget: snapshotOf(after, Date.now()) };
  };

  setHandler(defineUpdate<TopUpResult, [TopUpInput]>(TOP_UP), (input) => topUp(parseTopUp(input)), {
    description: 'Raises the budget: {"usd", "tokens", "maxToolCalls", "by", "reason"}.',
    validator: (...args) => void checked(args),
  });
  setHandler(
    defineSignal<unknown[]>(TOP_UP),
    (...args) => {
      try {
        topUp(checked(args));
      } catch {
        // Nobody hears an answer to a signal, and the session is not to be harmed by it.
      }
    },
    { description: 'The same without an answer: for when no worker is up.' },
  );

  return {
    attach(guard) {
      opened = guard;
    },
    isAsking: () => asking > 0,
    told: () => [...told],
    asksAt: ({ contract }, { reason }) =>
      contract.budget.onExceeded === 'ask' && ['usd', 'tokens', 'max_tool_calls'].includes(reason),
    async raised(guard, runner) {
      const { askMs } = guard.contract.budget;
      const before = raises;
      asking += 1;
      try {
        await flush(guard.journal, guard.contractSha256, runner.deadlineMs, runner.stopper.pause);
        const isOver = (): boolean => raises > before || runner.stopper.reason() !== null;
        return (await within(isOver, askMs, 'waiting for a larger budget')) && raises > before;
      } catch (thrown) {
        if (isCancellation(thrown)) return false;
        throw thrown;
      } finally {
        asking -= 1;
      }
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

/** In a validator anything that is thrown refuses; only our own words are told. */
function checked(args: readonly unknown[]): TopUpInput {
  try {
    return parseTopUp(args.length === 1 ? args[0] : undefined);
  } catch (thrown) {
    throw ApplicationFailure.nonRetryable(messageOf(thrown), 'INPUT_INVALID');
  }
}
