import type { FoundHolder } from './account-book.ts';
import type { LeaseAnswer, LeaseAsk, Period } from './account-input.ts';
import type { Amounts } from './ledger.ts';

/** Asks accounts for more: only a worker can reach them. */
export interface LeaseCall {
  readonly contractSha256: string;
  readonly asks: readonly AccountAsk[];
}

/** What a session asks one account for. */
export interface AccountAsk extends Omit<LeaseAsk, 'session'> {
  readonly account: string;
}

/** What one account leased. */
export interface Granted {
  readonly account: string;
  readonly n: number;
  readonly amounts: Amounts;
}

/** What one account answered. */
export interface AccountAnswer extends LeaseAnswer {
  readonly account: string;
  readonly n: number;
}

/** The start of a window that is wanted: the one that holds this time. */
export interface WindowCall {
  readonly per: Period;
  readonly timeZone: string;
  readonly atMs: number;
}

/** Sessions whose leases expired, to be looked at. */
export interface HoldersCall {
  readonly holders: readonly Pick<FoundHolder, 'session' | 'n'>[];
  /** Temporal's time: a worker's clock may be another. */
  readonly atMs: number;
}
