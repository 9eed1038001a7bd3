import { chainRecord, type Chained, GENESIS_HASH, type Sha256 } from '../core/chain.ts';
import { endsSession } from '../core/ends-session.ts';
import { AegrailError } from '../core/errors.ts';
import type { AuditRecord, ChainedRecord } from '../core/record.ts';
import type { Claim } from './store.ts';

/** The last record of a session's stored log. */
export interface Head {
  readonly seq: number;
  readonly hash: string;
  /** Its event; null when there is no record. */
  readonly event: string | null;
}

/** An operator reset the session: its log goes on, also after its end. */
const RESET_EVENT = 'session_reset';

/** The head of a session that has no records. */
export const NO_HEAD: Head = { seq: -1, hash: GENESIS_HASH, event: null };

/**
 * What must be added to a session's log so that it holds these records: those that are new, chained to the head. It is the
 * same for every store; to be called and carried out within one transaction.
 *
 * @param lineAt the stored line of a sequence number at or below the head's
 * @throws AegrailError AUDIT_FORK when a record differs from the stored one of its seq, or a seq would be left out;
 *   SESSION_ENDED when a record other than `session_reset` would come after an end
 */
export function planAppend(
  sessionId: string,
  records: readonly AuditRecord[],
  head: Head,
  lineAt: (seq: number) => string,
  sha256: Sha256,
): readonly Chained[] {
  const added: Chained[] = [];
  let { seq: lastSeq, hash: lastHash, event: lastEvent } = head;
  for (const record of records) {
    if (record.session_id !== sessionId) {
      throw fork(sessionId, record.seq, `belongs to session ${record.session_id}`);
    }
    if (record.seq <= lastSeq) {
      const stored = record.seq <= head.seq ? lineAt(record.seq) : added[record.seq - head.seq - 1]?.line;
      if (!isSame(record, stored, sha256)) throw fork(sessionId, record.seq, 'differs from the one that is stored');
      continue;
    }
    if (endsSession(lastEvent) && record.event !== RESET_EVENT) throw ended(sessionId, record.seq);
    if (record.seq !== lastSeq + 1) {
      throw fork(sessionId, record.seq, `would leave a gap: the last one stored is ${lastSeq}`);
    }
    const chained = chainRecord(record, lastHash, sha256);
    added.push(chained);
    lastSeq = record.seq;
    lastHash = chained.record.hash;
    lastEvent = record.event;
  }
  return added;
}

/**
 * Whether a session's log admits a claimed call, with what {@link planAppend} adds to it.
 *
 * @param lineAt the stored line of a sequence number at or below the head's
 */
export function isAdmitted(
  claim: Claim,
  head: Head,
  added: readonly Chained[],
  lineAt: (seq: number) => string,
): boolean {
  const record =
    claim.seq <= head.seq ? (JSON.parse(lineAt(claim.seq)) as ChainedRecord) : added[claim.seq - head.seq - 1]?.record;
  return record !== undefined && admits(record, claim);
}

/** Whether a record is the one that a claim rests on. */
export function admits(record: AuditRecord, { seq, event, digest }: Claim): boolean {
  if (record.event !== 'llm_admitted' && record.event !== 'tool_admitted') return false;
  return record.seq === seq && record.event === event && record.payload.digest === digest;
}

/** A record is the same as a stored one when it gives the same line after the same predecessor. */
function isSame(record: AuditRecord, stored: string | undefined, sha256: Sha256): boolean {
  if (stored === undefined) return false;
  const { prev_hash } = JSON.parse(stored) as ChainedRecord;
  return chainRecord(record, prev_hash, sha256).line === stored;
}

/** Why a session that was erased keeps no bytes. */
export function erasedBefore(sessionId: string): AegrailError {
  return new AegrailError('SESSION_ENDED', `the texts of session ${sessionId} were erased, and no others are kept`);
}

function ended(sessionId: string, seq: number): AegrailError {
  return new AegrailError('SESSION_ENDED', `record ${seq} of session ${sessionId} would come after its last one`);
}

function fork(sessionId: string, seq: number, why: string): AegrailError {
  return new AegrailError('AUDIT_FORK', `record ${seq} of session ${sessionId} ${why}`);
}
