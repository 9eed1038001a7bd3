import { chainRecord, type Chained, GENESIS_HASH, type Sha256 } from '../core/chain.ts';
import { AegrailError } from '../core/errors.ts';
import type { AuditRecord, ChainedRecord } from '../core/record.ts';

/** The last record of a session's stored log. */
export interface Head {
  readonly seq: number;
  readonly hash: string;
}

/** The head of a session that has no records. */
export const NO_HEAD: Head = { seq: -1, hash: GENESIS_HASH };

/**
 * What must be added to a session's log so that it holds these records: those that are new, chained to the head. It is the
 * same for every store; to be called and carried out within one transaction.
 *
 * @param lineAt the stored line of a sequence number at or below the head's
 * @throws AegrailError AUDIT_FORK when a record differs from the stored one of its seq, or a seq would be left out
 */
export function planAppend(
  sessionId: string,
  records: readonly AuditRecord[],
  head: Head,
  lineAt: (seq: number) => string,
  sha256: Sha256,
): readonly Chained[] {
  const added: Chained[] = [];
  let { seq: lastSeq, hash: lastHash } = head;
  for (const record of records) {
    if (record.session_id !== sessionId) {
      throw fork(sessionId, record.seq, `belongs to session ${record.session_id}`);
    }
    if (record.seq <= lastSeq) {
      const stored = record.seq <= head.seq ? lineAt(record.seq) : added[record.seq - head.seq - 1]?.line;
      if (!isSame(record, stored, sha256)) throw fork(sessionId, record.seq, 'differs from the one that is stored');
      continue;
    }
    if (record.seq !== lastSeq + 1) {
      throw fork(sessionId, record.seq, `would leave a gap: the last one stored is ${lastSeq}`);
    }
    const chained = chainRecord(record, lastHash, sha256);
    added.push(chained);
    lastSeq = record.seq;
    lastHash = chained.record.hash;
  }
  return added;
}

/** A record is the same as a stored one when it gives the same line after the same predecessor. */
function isSame(record: AuditRecord, stored: string | undefined, sha256: Sha256): boolean {
  if (stored === undefined) return false;
  const { prev_hash } = JSON.parse(stored) as ChainedRecord;
  return chainRecord(record, prev_hash, sha256).line === stored;
}

function fork(sessionId: string, seq: number, why: string): AegrailError {
  return new AegrailError('AUDIT_FORK', `record ${seq} of session ${sessionId} ${why}`);
}
