import { covers, DIMENSIONS, less } from '../src/core/account-book.ts';
import { leftOf, shareOf, shortAccounts } from '../src/core/account-share.ts';
import { type Amounts, type Ledger, NOTHING, remainingOfGrant } from '../src/core/ledger.ts';
import { boundModelCall } from '../src/core/model-bound.ts';
import type { WireAmounts } from '../src/core/record-parts.ts';
import type { Denial } from '../src/core/refusals.ts';
import { amountsOf, wireAmounts } from '../src/core/session-state.ts';
import type { AccountAnswer, AccountAsk } from '../src/core/account-calls.ts';
import type { GuardContext } from './guard.ts';
import { runLeaseMore } from './proxies.ts';
import { backoffMs } from './retry.ts';
import type { Runner } from './runner.ts';
import { settle } from './settle.ts';

/** Most tries of asking accounts: some minutes. */
const LEASE_ATTEMPTS = 10;

/** What is about to be reserved: its worst case, and the least with which it is of any use. */
export interface Need {
  readonly amounts: Amounts;
  readonly least: Amounts;
}

const ONE: Amounts = { ...NOTHING, toolCalls: 1 };
/** What a tool call needs. */
export const ONE_CALL: Need = { amounts: ONE, least: ONE };
const NO_NEED: Need = { amounts: NOTHING, least: NOTHING };

/** The accounts that a session leases from. What it has leased is in its ledger, and so in its log. */
export interface Accounts {
  /** Whether less is leased from some account than a reservation needs, and asking may help. False for a session on none. */
  lacks(guard: GuardContext, need: Need): boolean;
  /**
   * Asks the accounts of which too little is leased for more, and records what they lease. Others may reserve meanwhile: ask
   * {@link lacks} again. What does not fit then is refused as any reservation is.
   *
   * @returns whether there may be enough now: false when an account has not so much, or the session is stopped
   */
  cover(guard: GuardContext, runner: Runner, need: Need): Promise<boolean>;
  /** A refusal, with the account in it where that is what has not enough. */
  blamed(ledger: Ledger, denial: Denial, needed: WireAmounts): Denial;
}

/** What a model call needs: as much as the session's own limits let it use. */
export function modelNeed({ contract, journal }: GuardContext, inputBoundTokens: number): Need {
  const { leases, ...own } = journal.state().ledger;
  if (!leases) return NO_NEED;
  const { model } = contract;
  const room = boundModelCall(model, own, inputBoundTokens);
  // It is refused, whatever the accounts have.
  if ('refusal' in room) return NO_NEED;
  const amountsFor = ({
    usdNano,
    outputTokens,
  }: {
    readonly usdNano: number;
    readonly outputTokens: number;
  }): Amounts => ({
    usdNano,
    tokens: inputBoundTokens + outputTokens,
    toolCalls: 0,
  });
  const least = boundModelCall({ ...model, maxOutputTokens: model.minOutputTokens }, own, inputBoundTokens);
  const { bound } = room;
  const amounts = amountsFor({ usdNano: bound.usdNano, outputTokens: bound.maxOutputTokens });
  if ('refusal' in least) return { amounts, least: amounts };
  return { amounts, least: amountsFor({ usdNano: least.bound.usdNano, outputTokens: least.bound.maxOutputTokens }) };
}

/** Watches what a session has leased. */
export function watchAccounts(): Accounts {
  let asking: Promise<boolean> | null = null;
  /** Why accounts gave less than they were asked for, in their own words. */
  const whys = new Map<string, string>();

  const ask = async (guard: GuardContext, runner: Runner, need: Need): Promise<boolean> => {
    const { ledger } = guard.journal.state();
    const asks = shortAccounts(ledger, need.amounts).map((account) => askOf(ledger, account, need));
    const answers = await answersOf(runner, asks);
    if (!answers) return false;
    for (const { account, n, granted, why } of answers) {
      if (why !== null) whys.set(account, why);
      if (granted) guard.journal.emit('account_leased', { account, n, amounts: wireAmounts(granted) });
    }
    return answers.every(
      ({ account, granted }) => granted !== null && covers(granted, less(need.amounts, leftOf(ledger, account))),
    );
  };

  return {
    lacks: ({ journal }, { amounts }) => {
      const { ledger } = journal.state();
      return ledger.leases !== undefined && fitsGrant(ledger, amounts) && shortAccounts(ledger, amounts).length > 0;
    },
    async cover(guard, runner, need) {
      // Who finds another asking looks again when that one is answered.
      if (asking) return asking.then(() => true);
      asking = ask(guard, runner, need);
      try {
        return await asking;
      } finally {
        asking = null;
      }
    },
    blamed(ledger, denial, needed) {
      const amounts = amountsOf(needed);
      const [account] = shortAccounts(ledger, amounts);
      if (account === undefined || !fitsGrant(ledger, amounts)) return denial;
      const why = whys.get(account) ?? `The account ${account} could not be asked for more.`;
      return { reason: 'account_limit', why: `${why} ${denial.why}` };
    },
  };
}

function fitsGrant(ledger: Ledger, amounts: Amounts): boolean {
  return DIMENSIONS.every((dimension) => amounts[dimension] <= remainingOfGrant(ledger, dimension));
}

function askOf(ledger: Ledger, account: string, need: Need): AccountAsk {
  const { n = 0, amounts: held = NOTHING } = ledger.leases?.[account] ?? {};
  const left = leftOf(ledger, account);
  return {
    account,
    n: n + 1,
    held,
    used: ledger.posted,
    least: less(need.least, left),
    ...shareOf(ledger.grant, held, less(need.amounts, left)),
  };
}

/** What the accounts answer; null when they can't be reached, or the session is stopped. */
async function answersOf(runner: Runner, asks: readonly AccountAsk[]): Promise<readonly AccountAnswer[] | null> {
  const { contractSha256, stopper } = runner;
  for (let attempt = 1; ; attempt++) {
    if (stopper.reason()) return null;
    const settled = await settle(
      stopper.run(() => runLeaseMore({ call: { contractSha256, asks }, permit: null, records: [] })),
    );
    if (settled.outcome === 'ok') return settled.answer;
    const waitMs = backoffMs(settled.failure, attempt, LEASE_ATTEMPTS);
    if (waitMs === null || !(await stopper.pause(waitMs))) return null;
  }
}
