import type { Contract } from '../src/core/contract.ts';
import type { RecentCalls } from '../src/core/loops.ts';
import { compilePolicy, type Policy } from '../src/core/policy.ts';
import { type LoopWatch, watchLoops } from './loops.ts';
import { predicates } from './predicates.ts';

/** What a session is held to. */
export interface Terms {
  readonly contract: Contract;
  readonly contractSha256: string;
  /** Bytes of instructions and tool declarations: a bound of their tokens. */
  readonly promptBytes: number;
  readonly policy: Policy;
  readonly loops: LoopWatch;
}

/** What a session is held to now: a migration puts another contract in the place of the one it was started with. */
export interface TermsHolder {
  now(): Terms;
  /** What the loop rule remembers stays. */
  replace(contract: Contract, contractSha256: string, promptBytes: number): void;
}

/** Holds a session to a contract. @param recent the calls that the loop rule remembers from the run before */
export function holdTerms(
  { contract, contractSha256, promptBytes }: Pick<Terms, 'contract' | 'contractSha256' | 'promptBytes'>,
  recent: RecentCalls,
): TermsHolder {
  let terms = compiled(contract, contractSha256, promptBytes, recent);
  return {
    now: () => terms,
    replace(other, sha256, bytes) {
      terms = compiled(other, sha256, bytes, terms.loops.recent());
    },
  };
}

function compiled(contract: Contract, contractSha256: string, promptBytes: number, recent: RecentCalls): Terms {
  const policy = compilePolicy(contract, predicates);
  return { contract, contractSha256, promptBytes, policy, loops: watchLoops(contract.loops, recent) };
}
