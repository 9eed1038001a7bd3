import type { Contract, PinnedContract } from '../src/core/contract.ts';
import type { Store } from '../src/store/store.ts';

/** The contracts that a worker runs sessions under. */
export interface ContractBook {
  /** Names of the agents that can be started. */
  readonly agents: readonly string[];
  /** The contract that new sessions of an agent get. */
  forAgent(agent: string): PinnedContract | null;
  /**
   * The contract that a session was started with: from the store, never from what a call brings along. A session that
   * runs for a week is judged by the rules it started with.
   */
  bySha256(sha256: string): Promise<Contract | null>;
}

/** A book of the contract file's contracts, and of all that were ever stored. */
export function createContractBook(current: readonly PinnedContract[], store: Store): ContractBook {
  const byAgent = new Map(current.map((pinned) => [pinned.contract.agent, pinned]));
  const byHash = new Map(current.map((pinned) => [pinned.sha256, pinned.contract]));
  return {
    agents: [...byAgent.keys()],
    forAgent: (agent) => byAgent.get(agent) ?? null,
    async bySha256(sha256) {
      const known = byHash.get(sha256);
      if (known) return known;
      const json = await store.getContract(sha256);
      if (json === null) return null;
      const contract = JSON.parse(json) as Contract;
      byHash.set(sha256, contract);
      return contract;
    },
  };
}
