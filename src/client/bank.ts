import { type Client, WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { LeaseAnswer, LeaseAsk, LeaseInput, LeaseOutput, SettleInput } from '../core/account-input.ts';
import { accountWorkflowId } from '../core/account-name.ts';
import { AegrailError, messageOf } from '../core/errors.ts';
import { hasEnded } from '../core/workflow-status.ts';
import { ACCOUNT_LEASE, ACCOUNT_SETTLE } from '../protocol.ts';
import { batched } from './lease-batches.ts';
import { codeOf, readable } from './readable.ts';

/** Longest that an account is waited for: less than the activity that asks has. */
const ANSWER_MS = 20_000;
/** How long after its end something of a session may still be on its way to the store. */
const SETTLED_MS = 60_000;

/** The accounts of a namespace, as a worker asks them: through Temporal, with the worker's own connection. */
export interface AccountsInTemporal {
  /** @throws AegrailError ACCOUNT_UNKNOWN; an account that does not answer throws an Error that names it */
  lease(account: string, ask: LeaseAsk): Promise<LeaseAnswer>;
  settle(account: string, input: SettleInput): Promise<void>;
  isOver(sessionId: string, nowMs: number): Promise<boolean>;
}

/** Reaches accounts through a client. */
export function accountsThrough(client: Client): AccountsInTemporal {
  const handleOf = (account: string) => client.workflow.getHandle(accountWorkflowId(account));
  return {
    lease: batched((account, asks) => leaseAll(client, account, asks)),
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
        return hasEnded(status.name) && closeTime !== undefined && closeTime.getTime() + SETTLED_MS <= nowMs;
      } catch (thrown) {
        if (thrown instanceof WorkflowNotFoundError) return true;
        throw thrown;
      }
    },
  };
}

async function leaseAll(client: Client, account: string, asks: readonly LeaseAsk[]): Promise<readonly LeaseAnswer[]> {
  const handle = client.workflow.getHandle(accountWorkflowId(account));
  try {
    const args: [LeaseInput] = [{ asks }];
    const output = await client.withDeadline(Date.now() + ANSWER_MS, () =>
      handle.executeUpdate<LeaseOutput, [LeaseInput]>(ACCOUNT_LEASE, { args }),
    );
    return readable(handle, output, 'answers').answers;
  } catch (thrown) {
    const refusal = await refusalOf(client, account, thrown);
    if (refusal) throw refusal;
    // Who waited in vain is told nothing by Temporal.
    const why = messageOf(thrown) || `no worker of its task queue answered in ${ANSWER_MS / 1_000} s`;
    throw new Error(`The account ${account} did not answer: ${why}`, { cause: thrown });
  }
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
  if (found && !hasEnded(found.status.name)) return null;
  const message = `There is no account ${account} here. Make it with: aegrail accounts set ${account} --usd 100 --per month --by WHO`;
  return new AegrailError('ACCOUNT_UNKNOWN', message, { cause: thrown });
}
