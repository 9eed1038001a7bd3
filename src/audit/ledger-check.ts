import { canonicalJson } from '../core/canonical.ts';
import type { AuditRecord } from '../core/record.ts';
import { emptyState, snapshotOf, step } from '../core/session-state.ts';
import type { RecordCheck } from './verify.ts';

/**
 * Folds a session's records again and compares: every record's `budget` must be what the records up to it come to. Once
 * an unknown event was met nothing more can be said.
 */
export function ledgerCheck(): RecordCheck {
  let state = emptyState();
  let lost = false;
  return (record: AuditRecord, known: boolean) => {
    lost ||= !known;
    if (lost) return null;
    state = step(state, record);
    const folded = snapshotOf(state.ledger, Date.parse(record.ts));
    if (canonicalJson(folded) === canonicalJson(record.budget)) return null;
    return `its budget is not what the records up to it come to: ${difference(folded, record.budget)}`;
  };
}

function difference(folded: AuditRecord['budget'], told: AuditRecord['budget']): string {
  const keys = Object.keys(folded) as (keyof AuditRecord['budget'])[];
  const key = keys.find((candidate) => folded[candidate] !== told[candidate]);
  return key ? `${key} says ${told[key]}, and is ${folded[key]}` : 'it has other members';
}
