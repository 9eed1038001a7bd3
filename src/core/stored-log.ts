import { deadlineMs } from './ledger.ts';
import type { Admission } from './lost-call.ts';
import type { Principal } from './principal.ts';
import type { ParentCall } from './record-parts.ts';
import type { AuditRecord } from './record.ts';
import { emptyState, type SessionState, step } from './session-state.ts';

/** What a session's stored log comes to: what another run, or `reconcile`, goes on from. */
export interface StoredLog {
  readonly state: SessionState;
  /** Calls that have not ended. */
  readonly inFlight: readonly Admission[];
  /** As whom the session acts: what its records say, and not what a run that was reset would make of it now. */
  readonly principal: Principal;
  /** The call of another session that it was started by; null when a person started it. */
  readonly parent: ParentCall | null;
  /** SHA-256 of the contract that it is held to: what its last `contract_migrated` names, or its first record. */
  readonly contractSha256: string;
  /** The run that made its first record. Absent in what an older release folded. */
  readonly begunBy?: string;
  /** The run that made its last record. */
  readonly runId: string;
  /** `ts` of its last record. */
  readonly ts: string;
  readonly eventId: number;
}

/** Folds a session's records, in order. Null when there are none. */
export async function foldLog(records: AsyncIterable<AuditRecord>): Promise<StoredLog | null> {
  const fold = createFold();
  for await (const record of records) fold.take(record);
  return fold.log();
}

/** {@link foldLog} of records that are at hand. */
export function foldRecords(records: Iterable<AuditRecord>): StoredLog | null {
  const fold = createFold();
  for (const record of records) fold.take(record);
  return fold.log();
}

function createFold(): { take(record: AuditRecord): void; log(): StoredLog | null } {
  const open = new Map<number, Admission>();
  let state = emptyState();
  let last: AuditRecord | null = null;
  let chain: readonly string[] = [];
  let parent: ParentCall | null = null;
  let contractSha256 = '';
  let begunBy: string | null = null;
  return {
    take(record) {
      state = step(state, record);
      if (record.event === 'session_started') {
        chain = record.payload.chain ?? [];
        parent = record.payload.parent ?? null;
      }
      if (record.event === 'llm_admitted' || record.event === 'tool_admitted') open.set(record.seq, record);
      if (record.event === 'llm_call' || record.event === 'tool_call') open.delete(record.payload.reservation);
      contractSha256 = contractNamedBy(record) ?? contractSha256;
      begunBy ??= record.run_id;
      last = record;
    },
    log: () =>
      last && {
        state,
        inFlight: [...open.values()],
        principal: { ...principalOf(last), chain, expiresMs: deadlineMs(state.ledger) },
        parent,
        contractSha256,
        ...(begunBy === null ? {} : { begunBy }),
        runId: last.run_id,
        ts: last.ts,
        eventId: last.event_id,
      },
  };
}

/** SHA-256 of the contract that a session is held to from a record on; null where the record changes nothing of that. */
export function contractNamedBy(record: AuditRecord): string | null {
  if (record.event === 'session_started') return record.payload.contract_sha256;
  return record.event === 'contract_migrated' ? record.payload.to_sha256 : null;
}

/** A record's principal. */
function principalOf({
  principal,
  agent_identity,
  invoking_user,
}: AuditRecord): Omit<Principal, 'chain' | 'expiresMs'> {
  const slash = agent_identity.lastIndexOf('/');
  const [agent, version] = [agent_identity.slice(0, slash), agent_identity.slice(slash + 1)];
  return { id: principal, agent, version, user: invoking_user };
}
