import type { Logger } from 'pino';
import type { FoundHolder } from '../src/core/account-book.ts';
import { addAmounts, type Amounts, NOTHING, pendingAmounts } from '../src/core/ledger.ts';
import { foldLog, type StoredLog } from '../src/core/stored-log.ts';
import type { HoldersCall } from '../src/core/account-calls.ts';
import type { Envelope } from '../src/calls.ts';
import type { Store } from '../src/store/store.ts';
import type { Bank } from './bank.ts';
import type { ContractBook } from './contracts.ts';

/** What looking at sessions needs of the worker. */
export interface HoldersDeps {
  readonly bank: Bank;
  readonly store: Store;
  readonly contracts: ContractBook;
  readonly logger: Logger;
}

/** Looks at sessions whose leases expired: whether they run, and what they used by their logs. */
export async function lookAtHolders(deps: HoldersDeps, { call }: Envelope<HoldersCall>): Promise<FoundHolder[]> {
  const found: FoundHolder[] = [];
  for (const { session, n } of call.holders) {
    try {
      found.push({ n, ...(await lookAt(deps, session, call.atMs)) });
    } catch (err) {
      deps.logger.warn({ session, err }, 'a session that holds a lease could not be looked at');
      found.push({ session, n, state: 'unknown', used: null });
    }
  }
  return found;
}

async function lookAt(
  { bank, store, contracts }: HoldersDeps,
  session: string,
  nowMs: number,
): Promise<Omit<FoundHolder, 'n'>> {
  const isOver = await bank.isOver(session, nowMs);
  const log = await foldLog(store.records(session));
  // One that never began has used nothing.
  if (!log) return { session, state: isOver ? 'ended' : 'running', used: NOTHING };
  const { ledger, ended } = log.state;
  if (!isOver) return { session, state: 'running', used: ledger.posted };
  if (!ended && (await mayHaveUsedMore(contracts, log))) return { session, state: 'ended', used: null };
  // What was in flight when it ended may have happened.
  const used: Amounts = addAmounts(ledger.posted, pendingAmounts(ledger));
  return { session, state: 'ended', used };
}

/**
 * With audit `best_effort` a call may run that no log has: of a session without an end, all that it held counts as used. What
 * counts is the contract that its log names last: a migration out of `required` is stored before anything runs under it.
 */
async function mayHaveUsedMore(contracts: ContractBook, { contractSha256 }: StoredLog): Promise<boolean> {
  return (await contracts.bySha256(contractSha256))?.audit !== 'required';
}
