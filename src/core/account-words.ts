import type { AccountBook } from './account-book.ts';
import type { LeaseAsk } from './account-input.ts';
import type { Amounts } from './ledger.ts';
import { formatUsd } from './units.ts';

const NAMED = [
  ['usdNano', (amount: number) => formatUsd(amount)],
  ['tokens', (amount: number) => `${amount} tokens`],
  ['toolCalls', (amount: number) => `${amount} tool calls`],
] as const satisfies readonly (readonly [keyof Amounts, (amount: number) => string])[];

const PER = { hour: 'an hour', day: 'a day', month: 'a month', total: 'in total' } as const;

/** Why a session that no lease can be kept for gets none. */
export function fullSentence(account: string): string {
  return `The account ${account} has as many leases as it can hold.`;
}

/** Why a session gets less than it asks for: the account, what is left of it, and until when. Null: it does not. */
export function shortSentence(
  account: string,
  { limits, posted, reserved, terms, window }: Pick<AccountBook, 'limits' | 'posted' | 'reserved' | 'terms' | 'window'>,
  { want, least }: Pick<LeaseAsk, 'want' | 'least'>,
  granted: Amounts,
): string | null {
  const short = NAMED.flatMap(([dimension, say]) => {
    const limit = limits[dimension];
    // More than so much is not leased at once where nothing is limited.
    if (granted[dimension] >= (limit === null ? least : want)[dimension]) return [];
    const most = limit ?? Number.MAX_SAFE_INTEGER;
    const left = Math.max(0, most - posted[dimension] - reserved[dimension]);
    return [`${say(left)} left of ${say(most)} ${PER[terms.per]}`];
  });
  if (short.length === 0) return null;
  const until = window.endMs === null ? '' : ` (until ${new Date(window.endMs).toISOString()})`;
  return `The account ${account} has ${short.join(' and ')}${until}.`;
}
