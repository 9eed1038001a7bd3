import { type Fault, faultOf } from '../core/faults.ts';
import { celFacts } from '../core/policy.ts';
import type { AuditRecord, Events } from '../core/record.ts';
import { sessionFacts } from '../core/session-facts.ts';
import { emptyState, type SessionState, step } from '../core/session-state.ts';
import { topUpProblem } from '../core/top-up.ts';
import type { ContractFacts } from './contract-facts.ts';
import type { RecordCheck } from './log-check.ts';

/** Contracts by their SHA-256, and what became of the rules. */
export interface TopUpTally {
  /** Null when the contract is not at hand. */
  readonly contractOf: (sha256: string) => ContractFacts | null;
  /** Told of each top-up that was judged by its rule. */
  readonly onJudged: () => void;
  /** Told of each session with a top-up whose rule is not run. */
  readonly onUnjudged: (sessionId: string) => void;
}

type Raised = Extract<AuditRecord, { event: 'budget_raised' }>;

/** What goes through a list, or gives a name to what may be doubled. */
const LOOPS = /\b(?:all|exists|exists_one|map|filter|bind)\b/g;

/**
 * Whether a rule may take for ever. A bundle may be anybody's: a regular expression that goes back and forth, or loops in
 * loops, would stop whoever audits it. By its words, in texts too: rather a rule too many.
 */
function mayBeEndless(rule: string): boolean {
  return /\bmatches\b/.test(rule) || (rule.match(LOOPS) ?? []).length > 1;
}

/**
 * Judges anew who raised a budget, by the contract's rule of who may and what it saw: the principal, and the fold of the records
 * before. What of it needs no rule is {@link costCheck}'s.
 */
export function topUpCheck(sessionId: string, tally: TopUpTally): RecordCheck {
  let state = emptyState();
  let lost = false;
  let contract: ContractFacts | null = null;
  let chain: readonly string[] = [];
  return (record: AuditRecord, known: boolean) => {
    // Nothing more can be folded: that is told where records are counted.
    lost ||= !known;
    if (lost) return null;
    const before = state;
    state = step(state, record);
    if (record.event === 'session_started') {
      contract = tally.contractOf(record.payload.contract_sha256);
      chain = chainOf(record.payload);
    }
    if (record.event === 'contract_migrated') contract = tally.contractOf(record.payload.to_sha256);
    if (record.event !== 'budget_raised' || !contract || contract.budget.approvers === null) return null;
    if (mayBeEndless(contract.budget.approvers)) {
      tally.onUnjudged(sessionId);
      return null;
    }
    tally.onJudged();
    return ruleFault(contract, record, before, chain);
  };
}

function chainOf({ chain = [] }: Events['session_started']): readonly string[] {
  return chain;
}

function ruleFault(
  { budget }: ContractFacts,
  { payload, principal: id, invoking_user: user, agent_identity: identity }: Raised,
  before: SessionState,
  chain: readonly string[],
): Fault | null {
  const slash = identity.lastIndexOf('/');
  const agent = { agent: identity.slice(0, slash), version: identity.slice(slash + 1) };
  // When it expires no rule sees.
  const principal = { id, ...agent, user, chain, expiresMs: 0 };
  const facts = celFacts({ args: {}, principal, session: sessionFacts(before), ledger: before.ledger });
  const rule = { onExceeded: 'ask', excludeUser: false, approvers: budget.approvers } as const;
  if (topUpProblem(rule, payload.by, user, facts) === null) return null;
  return faultOf('other_contract', 'it raises a budget, and the rule of who may (budget.approvers) does not let them');
}
