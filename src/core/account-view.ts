import { type AccountBook, DIMENSIONS, type HeldLease, less } from './account-book.ts';
import type { AccountLimits, Period } from './account-input.ts';
import type { Amounts } from './ledger.ts';
import { plainMarkdown } from './markdown.ts';
import { formatUsd } from './units.ts';

/** One session's lease, as it is shown. */
export interface AccountHolder {
  readonly session: string;
  /** What it holds: leased, and not known to be used. */
  readonly holds: Amounts;
  /** What it used, as far as the account knows. */
  readonly used: Amounts;
  /** When it is looked at. */
  readonly expiresAt: string;
}

/** What an account is now: the answer of the query `account` and of the update `set`. */
export interface AccountView {
  readonly account: string;
  readonly limits: AccountLimits;
  readonly per: Period;
  readonly timeZone: string;
  readonly window: { readonly from: string; readonly to: string | null };
  /** What was spent in this window, as far as it is known. */
  readonly posted: Amounts;
  /** What all sessions together hold. */
  readonly leased: Amounts;
  readonly setBy: string;
  readonly setReason: string | null;
  readonly setAt: string;
  /** How many sessions hold a lease. */
  readonly holderCount: number;
  /** A page of them: a thousand at most. */
  readonly holders: readonly AccountHolder[];
}

/** Most leases in one view: a query's answer is one payload of Temporal's, 2 MB. */
const PAGE = 1_000;

/** What an account is now. @param from the first lease that is wanted, in the order in which they were taken */
export function accountViewOf(account: string, book: AccountBook, from: number): AccountView {
  const { terms, limits, window, posted, reserved, leases } = book;
  const { per, timeZone = 'UTC', by, reason = null, setMs } = terms;
  return {
    account,
    limits,
    per,
    timeZone,
    window: { from: timeOf(window.startMs), to: window.endMs === null ? null : timeOf(window.endMs) },
    posted,
    leased: reserved,
    setBy: by,
    setReason: reason,
    setAt: timeOf(setMs),
    holderCount: leases.size,
    holders: [...leases.values()].slice(from, from + PAGE).map((held) => holderOf(held)),
  };
}

/** The account as Markdown, for its page in the Temporal UI. */
export function accountDetails({ account, limits, per, window, posted, leased, holderCount }: AccountView): string {
  const shown = { usdNano: 'usd', tokens: 'tokens', toolCalls: 'tool calls' } as const;
  const say = (name: keyof typeof shown, amount: number): string =>
    name === 'usdNano' ? formatUsd(amount) : String(amount);
  return [
    `**${plainMarkdown(account)}**, per ${per}, until ${window.to ?? 'for ever'}: ${holderCount} sessions hold a lease.`,
    '',
    '| budget | spent | leased | limit |',
    '| --- | ---: | ---: | ---: |',
    ...DIMENSIONS.map((name) => {
      const limit = limits[name];
      const row = [say(name, posted[name]), say(name, leased[name]), limit === null ? 'none' : say(name, limit)];
      return `| ${shown[name]} | ${row.join(' | ')} |`;
    }),
  ].join('\n');
}

function holderOf({ session, total, base, expiresMs }: HeldLease): AccountHolder {
  return { session, holds: less(total, base), used: base, expiresAt: timeOf(expiresMs) };
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
