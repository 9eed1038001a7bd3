import { type Fault, faultOf } from '../core/faults.ts';
import type { AuditRecord, Events } from '../core/record.ts';
import { grantOf } from '../core/session-state.ts';
import type { ContractFacts } from './contract-facts.ts';

/** In what a session was started with other than its contract says, or null. Limits may be lower. */
export function startFault(
  contract: ContractFacts,
  payload: Events['session_started'],
  agentIdentity: string,
): Fault | null {
  if (agentIdentity !== contract.agentIdentity)
    return faultOf('other_contract', 'agent_identity is not that of the contract');
  return termsFault(contract, payload, payload.recursion_depth);
}

/** The same of a migration: its contract may be of another version, of the same agent. */
export function migrationFault(
  contract: ContractFacts,
  { payload, agent_identity }: Extract<AuditRecord, { event: 'contract_migrated' }>,
): Fault | null {
  if (agentOf(agent_identity) !== agentOf(contract.agentIdentity))
    return faultOf('other_contract', 'it is migrated to a contract of another agent');
  return termsFault(contract, payload, 0);
}

/** The part of an identity before its version, which has no slash. */
function agentOf(identity: string): string {
  return identity.slice(0, identity.lastIndexOf('/'));
}

function termsFault(
  contract: ContractFacts,
  { limits, model, tools }: Pick<Events['session_started'], 'limits' | 'model' | 'tools'>,
  depth: number,
): Fault | null {
  if (model !== contract.model) return faultOf('other_contract', 'model is not that of the contract');
  const named = new Set(tools);
  if (named.size !== contract.tools.size || !tools.every((tool) => contract.tools.has(tool)))
    return faultOf('other_contract', 'tools are not those of the contract');
  // A sub-agent is below others: how deep it may go counts from where it is.
  const { recursionDepth, ...grant } = grantOf(limits);
  const granted = { ...grant, recursionDepth: recursionDepth - depth };
  const above = LIMITS.find(([name]) => isAbove(granted[name], contract.limits[name]));
  return above ? faultOf('other_contract', `limits.${above[1]} is above that of the contract`) : null;
}

/**
 * Whether a budget was raised that the contract lets nobody raise, or by whom it excludes. Its rule of who else may is
 * {@link topUpCheck}'s.
 */
export function raiseFault(
  { budget }: ContractFacts,
  { payload, invoking_user }: Extract<AuditRecord, { event: 'budget_raised' }>,
): Fault | null {
  if (budget.onExceeded !== 'ask') return faultOf('other_contract', 'it raises a budget, and the contract lets nobody');
  if (budget.excludeUser && payload.by === invoking_user)
    return faultOf('other_contract', 'the user whom the agent works for raises the budget, and may not');
  return null;
}

/** Limits of a contract, and what they are called in records. */
const LIMITS = [
  ['usdNano', 'usd'],
  ['tokens', 'tokens'],
  ['wallMs', 'wall_seconds'],
  ['toolCalls', 'max_tool_calls'],
  ['recursionDepth', 'max_recursion_depth'],
] as const satisfies readonly (readonly [keyof ContractFacts['limits'], string])[];

/** Null is not limited: above any limit. */
function isAbove(granted: number | null, limit: number | null): boolean {
  if (limit === null) return false;
  return granted === null || granted > limit;
}
