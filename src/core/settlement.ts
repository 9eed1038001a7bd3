import type { Amounts } from './ledger.ts';
import type { SessionState } from './session-state.ts';

/** What the accounts of a session that has ended are told. */
export interface Settlement {
  readonly used: Amounts;
  readonly leases: readonly { readonly account: string; readonly n: number }[];
}

/** What goes along with a session's records, where the last of them is its end and it is on accounts. */
export function settlementOf({ ended, ledger }: SessionState): { readonly settle?: Settlement } {
  if (!ended || !ledger.leases) return {};
  const leases = Object.entries(ledger.leases).map(([account, { n }]) => ({ account, n }));
  return { settle: { used: ledger.posted, leases } };
}
