import { AegrailError } from '../src/core/errors.ts';
import type { ParentCall } from '../src/core/record-parts.ts';
import type { AuditRecord } from '../src/core/record.ts';
import { grantOf } from '../src/core/session-state.ts';
import { contractNamedBy } from '../src/core/stored-log.ts';
import type { Store } from '../src/store/store.ts';
import { type Authority, isWithin } from './authority.ts';
import type { ContractBook } from './contracts.ts';
import { readDelegation } from './delegation.ts';
import type { CheckedEnvelope } from './envelope.ts';

/** Sessions that are remembered as trusted, with the contract that their log named when it was last looked at. */
const MAX_REMEMBERED = 10_000;
/** How far the clocks of Temporal and of a worker may be apart. */
const CLOCK_SKEW_MS = 300_000;
/** How long an ended session still tries to store its last records. */
const LAST_FLUSH_MS = 2 * 3_600_000;

/** Why an envelope's session may not run here, or null. */
export type TrustCheck = (sessionId: string, envelope: CheckedEnvelope) => Promise<string | null>;

/** What a stored log says that its session runs under, or why it may not. */
export type Trusted = { readonly sha256: string } | { readonly problem: string };

/**
 * Judges the contracts that a stored log names: each must be one that a trusted key signed. A migration that was stored
 * long ago is not judged by the clock of now.
 *
 * @returns the contract that the session is held to; null when there is no log
 */
export async function trustedContract(
  authority: Authority,
  store: Store,
  contracts: ContractBook,
  sessionId: string,
): Promise<Trusted | null> {
  let trusted: Trusted | null = null;
  for await (const record of store.records(sessionId)) {
    if (record.seq > 0 && contractNamedBy(record) === null) continue;
    const problem = await problemOf(authority, store, contracts, record);
    if (problem) return { problem };
    trusted = { sha256: contractNamedBy(record) ?? '' };
  }
  return trusted;
}

async function problemOf(
  authority: Authority,
  store: Store,
  contracts: ContractBook,
  record: AuditRecord,
): Promise<string | null> {
  const sha256 = contractNamedBy(record);
  if (sha256 === null) return 'its log does not begin with session_started';
  const contract = await contracts.bySha256(sha256);
  if (!contract) return `its contract ${sha256.slice(0, 12)}… is not in the store of this worker`;
  const parent = record.event === 'session_started' ? record.payload.parent : undefined;
  if (!parent) return authority.problemOf(record, contract);
  const other = await otherThanDelegated(store, contracts, record, parent);
  if (other) return other;
  const above = await trustedContract(authority, store, contracts, parent.session_id);
  if (!above) return 'the session above it has no log here';
  return 'problem' in above ? above.problem : null;
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

/**
 * Checks, before anything of an envelope is looked at further, that a trusted key signed what its session runs under.
 *
 * @returns a check that throws AegrailError AUDIT_UNAVAILABLE when the store can't say
 */
export function trustCheck(authority: Authority, store: Store, contracts: ContractBook): TrustCheck {
  const remembered = new Map<string, string>();
  const look = async (sessionId: string): Promise<Trusted | null> => {
    const found = await trustedContract(authority, store, contracts, sessionId);
    remembered.delete(sessionId);
    if (!found || 'problem' in found) return found;
    if (remembered.size >= MAX_REMEMBERED) remembered.delete(remembered.keys().next().value ?? '');
    remembered.set(sessionId, found.sha256);
    return found;
  };
  /** Judges records that are not stored yet, and are the sender's word: another may come in their place. */
  const unstoredProblem = async (record: AuditRecord, isCall: boolean): Promise<string | null> =>
    (await problemOf(authority, store, contracts, record)) ?? staleProblem(record, isCall ? 0 : LAST_FLUSH_MS);
  return async (sessionId, { call, permit, records }) => {
    const isCall = permit !== null;
    const known = remembered.get(sessionId);
    let stored: Trusted | null = known === undefined ? await look(sessionId) : { sha256: known };
    if (stored && 'problem' in stored) return stored.problem;
    const first = records.find(({ seq }) => seq === 0);
    // Nothing was begun, and nothing is: there is only a log to be read that is not there.
    if (!stored && !first) return records.length === 0 ? null : 'its log has no beginning';
    const carried = records.filter((one) => one.event === 'contract_migrated' || (one === first && !stored));
    for (const record of carried) {
      const problem = await unstoredProblem(record, isCall);
      if (problem) return problem;
    }
    const named = carried.map((record) => contractNamedBy(record) ?? '');
    // What only reads the log, and what only stores, may have been asked for under a contract that is now in the past.
    const may = (at: Trusted | null): boolean => {
      const all = [...(at && 'sha256' in at ? [at.sha256] : []), ...named];
      return isCall ? all.at(-1) === call.contractSha256 : all.some((one) => one === call.contractSha256);
    };
    if (may(stored) || (!isCall && records.length === 0)) return null;
    // Another worker may have seen a migration that this one has not.
    if (known !== undefined) stored = await look(sessionId);
    if (stored && 'problem' in stored) return stored.problem;
    return may(stored) ? null : 'it calls under another contract than its log names';
  };
}

/** A session or a migration that is only now written down must be of now: else an authorization that has expired would last for ever. */
function staleProblem(record: AuditRecord, graceMs: number): string | null {
  if (record.event !== 'session_started' && record.event !== 'contract_migrated')
    return 'its log does not begin with session_started';
  const fromMs = Date.parse(record.ts);
  const isNow =
    fromMs <= Date.now() + CLOCK_SKEW_MS && Date.now() <= fromMs + record.payload.limits.wall_seconds * 1000 + graceMs;
  const what = record.event === 'session_started' ? 'beginning' : 'migration';
  return isNow ? null : `its ${what} is not of this time`;
}
