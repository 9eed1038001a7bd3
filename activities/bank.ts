import type { LeaseAnswer, LeaseAsk, SettleInput } from '../src/core/account-input.ts';

/** The accounts, as a worker reaches them. */
export interface Bank {
  /**
   * Leases from an account for a session. The same question twice is one.
   *
   * @throws AegrailError ACCOUNT_UNKNOWN, INPUT_INVALID; whatever else is thrown may pass
   */
  lease(account: string, ask: LeaseAsk): Promise<LeaseAnswer>;
  /** Tells an account what a session used that has ended. One that is not there any more needs no telling. */
  settle(account: string, input: SettleInput): Promise<void>;
  /** Whether a session's workflow has ended, and so long ago that nothing of it still runs. @param nowMs Temporal's time */
  isOver(sessionId: string, nowMs: number): Promise<boolean>;
}
