import { type Amounts, NOTHING, usedAmounts } from '../src/core/ledger.ts';
import type { StoredLog } from '../src/core/stored-log.ts';
import type { ContractBook } from './contracts.ts';

/**
 * What a session used that is over: what its log posts, and what was in flight when it ended, for that may have happened. With audit
 * `best_effort` a call may run that no log has, so that of a session without an end nobody can say. What counts is the
 * contract that the log names last: a migration out of `required` is stored before anything runs under it.
 *
 * @returns null when that is not known
 */
export async function usedByLog(
  contracts: ContractBook,
  { state, contractSha256 }: StoredLog,
): Promise<Amounts | null> {
  const isComplete = state.ended || (await mustStore(contracts, contractSha256));
  return isComplete ? usedAmounts(state.ledger) : null;
}

/**
 * What a session used that is over and has no log: nothing where every call's admission must be stored before it runs, and
 * otherwise it may have run while the store was down.
 *
 * @returns null when that is not known
 */
export async function usedWithoutLog(contracts: ContractBook, contractSha256: string): Promise<Amounts | null> {
  return (await mustStore(contracts, contractSha256)) ? NOTHING : null;
}

async function mustStore(contracts: ContractBook, sha256: string): Promise<boolean> {
  return (await contracts.bySha256(sha256))?.audit === 'required';
}
