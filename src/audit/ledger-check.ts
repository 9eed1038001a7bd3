import { canonicalJson } from '../core/canonical.ts';
import { type Amounts, type Ledger, pendingAmounts } from '../core/ledger.ts';
import type { AuditRecord } from '../core/record.ts';
import { amountsOf, emptyState, snapshotOf, step } from '../core/session-state.ts';
import type { RecordCheck } from './verify.ts';

/**
 * Folds a session's records again and compares: a call's end must name a call that was admitted and post no more than
 * it reserved, what is posted and pending must stay within the grant, and every record's `budget` must be what the records
 * up to it come to. Once an unknown event was met nothing more can be said.
 */
export function ledgerCheck(): RecordCheck {
  let state = emptyState();
  let lost = false;
  const ended = new Set<number>();
  return (record: AuditRecord, known: boolean) => {
    lost ||= !known;
    if (lost) return null;
    const misposted = postFault(state.ledger, ended, record);
    if (misposted !== null) return misposted;
    state = step(state, record);
    const overspent = grantFault(state.ledger);
    if (overspent !== null) return overspent;
    const folded = snapshotOf(state.ledger, Date.parse(record.ts));
    if (canonicalJson(folded) === canonicalJson(record.budget)) return null;
    return `its budget is not what the records up to it come to: ${difference(folded, record.budget)}`;
  };
}

/** The dimensions that add up, and their names on the wire. */
const ADDITIVE = [
  ['usdNano', 'usd_nano'],
  ['tokens', 'tokens'],
  ['toolCalls', 'tool_calls'],
] as const satisfies readonly (readonly [keyof Amounts, string])[];

function postFault(ledger: Ledger, ended: Set<number>, record: AuditRecord): string | null {
  if (record.event !== 'llm_call' && record.event !== 'tool_call') return null;
  const { reservation, posted } = record.payload;
  const pending = ledger.pending.find(({ seq }) => seq === reservation);
  // An end that is told twice posts once: the fold leaves the second out.
  if (!pending) return ended.has(reservation) ? null : `it ends call ${reservation}, which was not admitted`;
  ended.add(reservation);
  const used = amountsOf(posted);
  const over = ADDITIVE.find(([dimension]) => used[dimension] > pending.amounts[dimension]);
  return over ? `it posts more ${over[1]} than was reserved` : null;
}

/** Where nothing limits a dimension, what can be counted exactly does. */
function grantFault(ledger: Ledger): string | null {
  const { grant, posted } = ledger;
  const pending = pendingAmounts(ledger);
  const over = ADDITIVE.find(
    ([dimension]) => posted[dimension] + pending[dimension] > (grant[dimension] ?? Number.MAX_SAFE_INTEGER),
  );
  return over ? `more ${over[1]} are posted and reserved than were granted` : null;
}

function difference(folded: AuditRecord['budget'], told: AuditRecord['budget']): string {
  const keys = Object.keys(folded) as (keyof AuditRecord['budget'])[];
  const key = keys.find((candidate) => folded[candidate] !== told[candidate]);
  return key ? `${key} says ${told[key]}, and is ${folded[key]}` : 'it has other members';
}
