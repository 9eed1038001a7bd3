import { type Client, WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { LeaseAnswer, LeaseAsk, SettleInput } from '../core/account-input.ts';
import { accountWorkflowId } from '../core/account-name.ts';
import { AegrailError } from '../core/errors.ts';
import { ACCOUNT_LEASE, ACCOUNT_SETTLE } from '../protocol.ts';
import { codeOf, readable } from './readable.ts';

/** How long after its end something of a session may still be on its way to the store. */
const SETTLED_MS = 60_000;

/** The accounts of a namespace, as a worker asks them: through Temporal, with the worker's own connection. */
export interface AccountsInTemporal {
  /** @throws AegrailError ACCOUNT_UNKNOWN; an account that does not answer throws what Temporal says */
  lease(account: string, ask: LeaseAsk): Promise<LeaseAnswer>;
  settle(account: string, input: SettleInput): Promise<void>;
  isOver(sessionId: string, nowMs: number): Promise<boolean>;
}

/** Reaches accounts through a client. */
export function accountsThrough(client: Client): AccountsInTemporal {
  const handleOf = (account: string) => client.workflow.getHandle(accountWorkflowId(account));
  return {
    async lease(account, ask) {
      const handle = handleOf(account);
      try {
        const args: [LeaseAsk] = [ask];
        return readable(handle, await handle.executeUpdate<LeaseAnswer, [LeaseAsk]>(ACCOUNT_LEASE, { args }), 'granted');
      } catch (thrown) {
        throw (await refusalOf(client, account, thrown)) ?? thrown;
      }
    },
    async settle(account, input) {
      await handleOf(account)
        .signal<[SettleInput]>(ACCOUNT_SETTLE, input)
        .catch((thrown: unknown) => {
          if (!(thrown instanceof WorkflowNotFoundError)) throw thrown;
        });
    },
    async isOver(sessionId, nowMs) {
      try {
        const { status, closeTime } = await client.workflow.getHandle(sessionId).describe();
        const goesOn = status.name === 'RUNNING' || status.name === 'PAUSED' || status.name === 'CONTINUED_AS_NEW';
        return !goesOn && closeTime !== undefined && closeTime.getTime() + SETTLED_MS <= nowMs;
      } catch (thrown) {
        if (thrown instanceof WorkflowNotFoundError) return true;
        throw thrown;
      }
    },
  };
}

/** What it means that an account did not answer; null when it may answer later. */
async function refusalOf(client: Client, account: string, thrown: unknown): Promise<AegrailError | null> {
  if (thrown instanceof WorkflowUpdateFailedError && thrown.cause instanceof ApplicationFailure)
    return new AegrailError(codeOf(thrown.cause.type), thrown.cause.message, { cause: thrown });
  if (!(thrown instanceof WorkflowNotFoundError)) return null;
  // It is between two runs, or it is not there.
  const found = await client.workflow
    .getHandle(accountWorkflowId(account))
    .describe()
    .catch((error: unknown) => {
      if (error instanceof WorkflowNotFoundError) return null;
      throw error;
    });
  if (found?.status.name === 'RUNNING') return null;
  const message = `There is no account ${account} here. Make it with: aegrail accounts set ${account} --usd 100 --per month`;
  return new AegrailError('ACCOUNT_UNKNOWN', message, { cause: thrown });
}
