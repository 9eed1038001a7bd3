import type { AuditRecord } from '../src/core/record.ts';
import type { Store } from '../src/store/store.ts';
import type { Authority } from './authority.ts';
import type { ContractBook } from './contracts.ts';
import type { CheckedEnvelope } from './envelope.ts';

/** Sessions that are remembered as trusted: what they are checked by is in their first record, which never changes. */
const MAX_REMEMBERED = 10_000;

/** Why an envelope's session may not run here, or null. */
export type TrustCheck = (sessionId: string, envelope: CheckedEnvelope) => Promise<string | null>;

/**
 * Checks, before anything of an envelope is looked at further, that a trusted key signed what its session runs under.
 *
 * @returns a check that throws AegrailError AUDIT_UNAVAILABLE when the store can't say
 */
export function trustCheck(authority: Authority, store: Store, contracts: ContractBook): TrustCheck {
  const trusted = new Map<string, string>();
  return async (sessionId, { call, records }) => {
    const known = trusted.get(sessionId);
    if (known !== undefined) return otherContract(known, call.contractSha256);
    const first = (await store.record(sessionId, 0)) ?? records.find(({ seq }) => seq === 0);
    // Nothing was begun, and nothing is: there is only a log to be read that is not there.
    if (!first) return records.length === 0 ? null : 'its log has no beginning';
    const sha256 = contractOf(first);
    const contract = await contracts.bySha256(sha256);
    if (!contract) return `its contract ${sha256.slice(0, 12)}… is not in the store of this worker`;
    const problem = authority.problemOf(first, contract) ?? otherContract(sha256, call.contractSha256);
    if (problem) return problem;
    if (trusted.size >= MAX_REMEMBERED) trusted.delete(trusted.keys().next().value ?? '');
    trusted.set(sessionId, sha256);
    return null;
  };
}

function contractOf(first: AuditRecord): string {
  return first.event === 'session_started' ? first.payload.contract_sha256 : '';
}

function otherContract(sha256: string, called: string | null | undefined): string | null {
  return called === sha256 ? null : 'it calls under another contract than its session began with';
}
