import { Context } from '@temporalio/activity';
import type { Logger } from 'pino';
import { AegrailError, messageOf } from '../src/core/errors.ts';
import type { Settlement } from '../src/core/settlement.ts';
import type { AccountAnswer, AccountAsk, LeaseCall } from '../src/core/account-calls.ts';
import type { AppendCall, Envelope } from '../src/calls.ts';
import type { Bank } from './bank.ts';
import { callFailure } from './failure.ts';

/** What leasing needs of the worker. */
export interface LeaseDeps {
  readonly bank: Bank;
  readonly logger: Logger;
}

/** Leases from accounts for a session that has begun. An account that is not there any more grants nothing. */
export async function leaseMore(deps: LeaseDeps, { call }: Envelope<LeaseCall>): Promise<readonly AccountAnswer[]> {
  const sessionId = sessionOfActivity();
  try {
    return await Promise.all(call.asks.map((ask) => leaseOrNothing(deps.bank, sessionId, ask)));
  } catch (thrown) {
    throw callFailure('ACCOUNT_UNREACHABLE', 'ACCOUNT_UNREACHABLE', messageOf(thrown), {
      started: 'no',
      retryable: true,
    });
  }
}

async function leaseOrNothing(bank: Bank, session: string, ask: AccountAsk): Promise<AccountAnswer> {
  try {
    return await leaseFrom(bank, session, ask);
  } catch (thrown) {
    if (!(thrown instanceof AegrailError)) throw thrown;
    return { account: ask.account, n: ask.n, granted: null, why: thrown.message };
  }
}

/** One account's answer to one session. @throws as Bank.lease */
export async function leaseFrom(bank: Bank, session: string, { account, ...ask }: AccountAsk): Promise<AccountAnswer> {
  const answer = await bank.lease(account, { session, ...ask });
  return { account, n: ask.n, ...answer };
}

/**
 * What is left to do when the last records of a session are in the store: its accounts are told. Nobody waits for it, and
 * what does not arrive is found when the lease expires.
 */
export function settleEnded(deps: LeaseDeps, { call }: Envelope<AppendCall>): null {
  if (call.settle) tellAccounts(deps, sessionOfActivity(), call.settle);
  return null;
}

/** Tells accounts that a session is over, and does not wait for them. */
export function tellAccounts({ bank, logger }: LeaseDeps, session: string, { used, leases }: Settlement): void {
  for (const { account, n } of leases) {
    bank.settle(account, { session, n, used }).catch((err: unknown) => {
      logger.warn({ session, account, err }, 'an account could not be told that a session ended: it will look itself');
    });
  }
}

function sessionOfActivity(): string {
  return Context.current().info.workflowExecution?.workflowId ?? '';
}
