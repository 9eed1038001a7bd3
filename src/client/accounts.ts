import {
  type Client,
  WithStartWorkflowOperation,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { type AccountSetInput, parseAccountSet } from '../core/account-input.ts';
import { accountNameProblem, accountOfWorkflow, accountWorkflowId } from '../core/account-name.ts';
import type { AccountHolder, AccountView } from '../core/account-view.ts';
import { AegrailError } from '../core/errors.ts';
import { plainMarkdown } from '../core/markdown.ts';
import { ACCOUNT_QUERY, ACCOUNT_SET, ACCOUNT_WORKFLOW } from '../protocol.ts';
import { codeOf, readable } from './readable.ts';

/** The accounts that sessions lease their budgets from. */
export interface AccountsClient {
  /**
   * Says what an account may spend, and makes it when it is not there. Below what is spent already it leases nothing more. All
   * limits are replaced: one that is left out is none.
   *
   * @throws AegrailError INPUT_INVALID, for a time zone that no worker knows too
   */
  set(name: string, given: AccountSetInput): Promise<AccountView>;
  /** What an account is now, with all who hold a lease. @throws AegrailError ACCOUNT_UNKNOWN */
  show(name: string): Promise<AccountView>;
  /** The names of the accounts of this task queue, as Temporal's index of workflows has them: it may lag a second. */
  list(): AsyncIterable<string>;
}

/** Reaches the accounts of a task queue. */
export function accountsOfQueue(client: Client, taskQueue: string): AccountsClient {
  return {
    async set(name, given) {
      const workflowId = accountId(name);
      const args: [AccountSetInput] = [parseAccountSet(given)];
      const startWorkflowOperation = new WithStartWorkflowOperation(ACCOUNT_WORKFLOW, {
        taskQueue,
        workflowId,
        workflowIdConflictPolicy: 'USE_EXISTING',
        args: [],
        staticSummary: plainMarkdown(`account ${name}`),
      });
      const update = { args, startWorkflowOperation, updateId: globalThis.crypto.randomUUID() };
      try {
        const view = await client.workflow.executeUpdateWithStart<() => Promise<void>, AccountView, [AccountSetInput]>(
          ACCOUNT_SET,
          update,
        );
        return readable(client.workflow.getHandle(workflowId), view, 'account');
      } catch (thrown) {
        if (!(thrown instanceof WorkflowUpdateFailedError) || !(thrown.cause instanceof ApplicationFailure))
          throw thrown;
        throw new AegrailError(codeOf(thrown.cause.type), thrown.cause.message, { cause: thrown });
      }
    },
    async show(name) {
      const first = await viewOf(client, name, 0);
      const holders: AccountHolder[] = [...first.holders];
      // Sessions come and go between two pages: one that moved to an earlier one is not shown twice.
      while (holders.length < first.holderCount) {
        const page = await viewOf(client, name, holders.length);
        if (page.holders.length === 0) break;
        holders.push(...page.holders);
      }
      const unique = new Map(holders.map((holder) => [holder.session, holder]));
      return { ...first, holders: [...unique.values()] };
    },
    async *list() {
      const query = `WorkflowType="${ACCOUNT_WORKFLOW}" AND TaskQueue="${taskQueue}" AND ExecutionStatus="Running"`;
      for await (const { workflowId } of client.workflow.list({ query })) {
        const name = accountOfWorkflow(workflowId);
        if (name !== null) yield name;
      }
    },
  };
}

async function viewOf(client: Client, name: string, from: number): Promise<AccountView> {
  const handle = client.workflow.getHandle(accountId(name));
  try {
    return readable(handle, await handle.query<AccountView, [number]>(ACCOUNT_QUERY, from), 'account');
  } catch (thrown) {
    if (!(thrown instanceof WorkflowNotFoundError)) throw thrown;
    throw new AegrailError('ACCOUNT_UNKNOWN', `There is no account ${name}.`, { cause: thrown });
  }
}

function accountId(name: string): string {
  const problem = accountNameProblem(name);
  if (problem) throw new AegrailError('INPUT_INVALID', `The account is invalid: ${problem}.`);
  return accountWorkflowId(name);
}
