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
  /** When it is looked at next: nothing is heard of what it uses before it asks for more, ends, or is looked at. */
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

/** The UI's tables have no space between their columns, and break lines at a common one. */
const GAP = '\u00a0'.repeat(3);

/** The account as Markdown, for its page in the Temporal UI. Cheap: it is made anew whenever something changes. */
export function accountDetails(
  account: string,
  { terms, limits, window, posted, reserved, leases }: AccountBook,
): string {
  const until = window.endMs === null ? 'for ever' : `until ${timeOf(window.endMs)}`;
  const held = leases.size === 1 ? '1 session holds a lease' : `${leases.size} sessions hold leases`;
  const row = (name: keyof Amounts, say: (amount: number) => string): string => {
    const limit = limits[name];
    const cells = [posted[name], reserved[name]].map(say);
    const shown = [...cells, limit === null ? 'none' : say(limit)].map((cell) => cell.replace(' ', '\u00a0'));
    return `| ${SHOWN[name]} |${GAP}${shown.join(` |${GAP}`)} |`;
  };
  return [
    `**${plainMarkdown(account)}**, per ${terms.per}, ${until}: ${held}.`,
    '',
    `| budget |${GAP}spent |${GAP}leased |${GAP}limit |`,
    '| --- | ---: | ---: | ---: |',
    // What is not limited is leased in bulk: that would say nothing.
    ...DIMENSIONS.filter((name) => limits[name] !== null).map((name) =>
      row(name, name === 'usdNano' ? formatUsd : String),
    ),
    '',
    'Who holds what: the query `account`, or `aegrail accounts show`.',
  ].join('\n');
}

const SHOWN = { usdNano: 'usd', tokens: 'tokens', toolCalls: 'tool\u00a0calls' } as const;

function holderOf({ session, total, base, expiresMs }: HeldLease): AccountHolder {
  return { session, holds: less(total, base), used: base, expiresAt: timeOf(expiresMs) };
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
