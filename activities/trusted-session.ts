import type { Contract } from '../src/core/contract.ts';
import { AegrailError } from '../src/core/errors.ts';
import type { AuditRecord, ParentCall } from '../src/core/record.ts';
import { grantOf } from '../src/core/session-state.ts';
import type { Store } from '../src/store/store.ts';
import { type Authority, isWithin } from './authority.ts';
import type { ContractBook } from './contracts.ts';
import { readDelegation } from './delegation.ts';
import type { CheckedEnvelope } from './envelope.ts';

/** Sessions that are remembered as trusted: what they are checked by is in their first record, which never changes. */
const MAX_REMEMBERED = 10_000;
/** How far the clocks of Temporal and of a worker may be apart. */
const CLOCK_SKEW_MS = 300_000;
/** How long an ended session still tries to store its last records. */
const LAST_FLUSH_MS = 2 * 3_600_000;

/** Why an envelope's session may not run here, or null. */
export type TrustCheck = (sessionId: string, envelope: CheckedEnvelope) => Promise<string | null>;

/**
 * Checks, before anything of an envelope is looked at further, that a trusted key signed what its session runs under.
 *
 * @returns a check that throws AegrailError AUDIT_UNAVAILABLE when the store can't say
 */
export function trustCheck(authority: Authority, store: Store, contracts: ContractBook): TrustCheck {
  const trusted = new Map<string, string>();
  /** Why a session may not run, by its first record: nobody who is trusted signed it, or those above it. */
  const problemOf = async (first: AuditRecord, contract: Contract): Promise<string | null> => {
    const parent = first.event === 'session_started' ? first.payload.parent : undefined;
    if (!parent) return authority.problemOf(first, contract);
    const other = await otherThanDelegated(store, contracts, first, parent);
    if (other) return other;
    const above = await store.record(parent.session_id, 0);
    const itsContract = above && (await contracts.bySha256(contractOf(above)));
    return above && itsContract ? problemOf(above, itsContract) : 'the session above it has no log here';
  };
  return async (sessionId, { call, permit, records }) => {
    const known = trusted.get(sessionId);
    if (known !== undefined) return otherContract(known, call.contractSha256);
    const stored = await store.record(sessionId, 0);
    const first = stored ?? records.find(({ seq }) => seq === 0);
    // Nothing was begun, and nothing is: there is only a log to be read that is not there.
    if (!first) return records.length === 0 ? null : 'its log has no beginning';
    const sha256 = contractOf(first);
    const contract = await contracts.bySha256(sha256);
    if (!contract) return `its contract ${sha256.slice(0, 12)}… is not in the store of this worker`;
    const problem = (await problemOf(first, contract)) ?? otherContract(sha256, call.contractSha256);
    if (problem) return problem;
    // One that is not stored yet is the sender's word: another may come in its place, and it may say any time.
    if (!stored) return staleProblem(first, permit === null ? LAST_FLUSH_MS : 0);
    if (trusted.size >= MAX_REMEMBERED) trusted.delete(trusted.keys().next().value ?? '');
    trusted.set(sessionId, sha256);
    return null;
  };
}

/** In what the session of a sub-agent is another than its parent's log has it. */
async function otherThanDelegated(
  store: Store,
  contracts: ContractBook,
  first: AuditRecord,
  parent: ParentCall,
): Promise<string | null> {
  if (first.event !== 'session_started') return 'its log does not begin with session_started';
  const { contract_sha256, limits, chain = [], recursion_depth } = first.payload;
  try {
    const { sha256, grant, from, user } = await readDelegation(store, contracts, first.session_id, parent);
    if (sha256 !== contract_sha256) return 'it runs under another contract than its parent gives it';
    if (!isWithin(grantOf(limits), grant)) return 'its limits are above those that its parent gives it';
    const isSame = first.invoking_user === user && recursion_depth === from.depth && chain.join() === from.chain.join();
    return isSame ? null : 'it works for others than its parent does';
  } catch (thrown) {
    if (thrown instanceof AegrailError && thrown.code === 'DELEGATION_REFUSED') return thrown.message;
    throw thrown;
  }
}

/** A session that is only now written down must be of now: else an authorization that has expired would last for ever. */
function staleProblem(first: AuditRecord, graceMs: number): string | null {
  if (first.event !== 'session_started') return 'its log does not begin with session_started';
  const startedMs = Date.parse(first.ts);
  const isNow =
    startedMs <= Date.now() + CLOCK_SKEW_MS &&
    Date.now() <= startedMs + first.payload.limits.wall_seconds * 1000 + graceMs;
  return isNow ? null : 'its beginning is not of this time';
}

function contractOf(first: AuditRecord): string {
  return first.event === 'session_started' ? first.payload.contract_sha256 : '';
}

function otherContract(sha256: string, called: string | null | undefined): string | null {
  return called === sha256 ? null : 'it calls under another contract than its session began with';
}
