import { each } from './account-book.ts';
import type { Grant } from './contract.ts';
import { type Amounts, type Ledger, NOTHING, usedAmounts } from './ledger.ts';

/** So much of its own limits a session leases at once, where its next call needs no more. */
const SHARE = 4;
/** The same where the session has no limit of its own. */
const UNLIMITED_SHARE: Amounts = { usdNano: 1_000_000_000, tokens: 200_000, toolCalls: 50 };

/**
 * What a session asks an account for, that needs so much more than it has leased.
 *
 * @param held all that it was leased before
 * @param need its next call's worst case; nothing in the dimensions that are covered
 */
export function shareOf(
  grant: Grant,
  held: Amounts,
  need: Amounts,
): { readonly want: Amounts; readonly most: Amounts } {
  const most = each((dimension) => {
    const granted = grant[dimension];
    return granted === null ? Number.MAX_SAFE_INTEGER : Math.max(need[dimension], granted - held[dimension]);
  });
  const want = each((dimension) => {
    const granted = grant[dimension];
    const share = granted === null ? UNLIMITED_SHARE[dimension] : Math.ceil(granted / SHARE);
    if (need[dimension] === 0 && held[dimension] > 0) return 0;
    return Math.min(most[dimension], Math.max(need[dimension], share));
  });
  return { want, most };
}

/** What is left of one lease. */
export function leftOf(ledger: Ledger, account: string): Amounts {
  const leased = (ledger.leases && Object.hasOwn(ledger.leases, account) && ledger.leases[account]?.amounts) || NOTHING;
  const taken = usedAmounts(ledger);
  return each((dimension) => leased[dimension] - taken[dimension]);
}

/** Accounts of which less is leased than is wanted. */
export function shortAccounts({ leases, ...ledger }: Ledger, wanted: Amounts): string[] {
  if (!leases) return [];
  const taken = usedAmounts(ledger);
  return Object.entries(leases).flatMap(([account, { amounts }]) =>
    (['usdNano', 'tokens', 'toolCalls'] as const).some((name) => amounts[name] - taken[name] < wanted[name])
      ? [account]
      : [],
  );
}
