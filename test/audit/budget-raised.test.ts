import { expect, test } from 'vitest';
import { raiseFault } from '../../src/audit/contract-check.ts';
import type { ContractFacts } from '../../src/audit/contract-facts.ts';
import type { AuditRecord } from '../../src/core/record.ts';

const raised = (by: string) =>
  ({ payload: { by, reason: null, amounts: {} }, invoking_user: 'ann' }) as unknown as Extract<
    AuditRecord,
    { event: 'budget_raised' }
  >;
const contract = (onExceeded: 'ask' | 'kill', excludeUser = true): ContractFacts =>
  ({ budget: { onExceeded, excludeUser } }) as ContractFacts;

test.each<[string, ContractFacts, string, string | undefined]>([
  ['where the contract asks', contract('ask'), 'bob', undefined],
  ['by the user, who may', contract('ask', false), 'ann', undefined],
  ['by the user, who may not', contract('ask'), 'ann', 'other_contract'],
  ['where the contract kills', contract('kill'), 'bob', 'other_contract'],
])('a budget raised %s', (_what, facts, by, fault) => {
  expect(raiseFault(facts, raised(by))?.fault).toBe(fault);
});
