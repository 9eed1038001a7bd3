import { type Fault, faultOf } from '../core/faults.ts';
import { type Amounts, type Ledger, usedAmounts } from '../core/ledger.ts';
import type { BudgetSnapshot } from '../core/record-parts.ts';
import type { AuditRecord } from '../core/record.ts';
import { emptyState, type SessionState, snapshotOf, step } from '../core/session-state.ts';
import { callCheck } from './call-check.ts';
import type { RecordCheck } from './log-check.ts';
import { timeMs } from '../core/time.ts';

/** Told of each record of a session that was folded and is right, and of the state after it. */
export type OnFolded = (record: AuditRecord, state: SessionState) => void;

/** {@link watchedLedgerCheck}, for who needs nothing more. */
export function ledgerCheck(): RecordCheck {
  return watchedLedgerCheck(() => undefined);
}

/**
 * Folds a session's records again and compares: calls must be what {@link callCheck} says, what is posted and pending must
 * stay within the grant, and every record's `budget` must be what the records up to it come to. Once an unknown event was
 * met nothing more can be said.
 */
export function watchedLedgerCheck(onFolded: OnFolded): RecordCheck {
  let state = emptyState();
  let lost = false;
  const checkCall = callCheck();
  return (record: AuditRecord, known: boolean) => {
    lost ||= !known;
    if (lost) return null;
    const miscalled = checkCall(record, state.ledger);
    if (miscalled !== null) return miscalled;
    const before = state.ledger;
    state = step(state, record);
    // What is granted may become less than was spent; then nothing more may be.
    const spends = state.ledger.posted !== before.posted || state.ledger.pending !== before.pending;
    const overspent = spends ? grantFault(state.ledger) : null;
    const fault = overspent ?? budgetFault(snapshotOf(state.ledger, timeMs(record.ts)), record.budget);
    if (fault === null) onFolded(record, state);
    return fault;
  };
}

/** The members of `budget`, all of them: the record's form was checked before. */
const BUDGET = Object.keys(snapshotOf(emptyState().ledger, 0)) as readonly (keyof BudgetSnapshot)[];

/** The dimensions that add up, and their names on the wire. */
const ADDITIVE = [
  ['usdNano', 'usd_nano'],
  ['tokens', 'tokens'],
  ['toolCalls', 'tool_calls'],
] as const satisfies readonly (readonly [keyof Amounts, string])[];

/** Where nothing limits a dimension, what can be counted exactly does. */
function grantFault(ledger: Ledger): Fault | null {
  const { grant } = ledger;
  const used = usedAmounts(ledger);
  const over = ADDITIVE.find(([dimension]) => used[dimension] > (grant[dimension] ?? Number.MAX_SAFE_INTEGER));
  if (over) return faultOf('over_granted', `more ${over[1]} are posted and reserved than were granted`);
  for (const { amounts } of Object.values(ledger.leases ?? {})) {
    const above = ADDITIVE.find(([dimension]) => used[dimension] > amounts[dimension]);
    if (above) return faultOf('over_granted', `more ${above[1]} are posted and reserved than an account leased`);
  }
  return null;
}

function budgetFault(folded: BudgetSnapshot, told: BudgetSnapshot): Fault | null {
  for (const key of BUDGET) {
    if (folded[key] === told[key]) continue;
    const why = `its budget is not what the records up to it come to: ${key} says ${told[key]}, and is ${folded[key]}`;
    return faultOf('wrong_budget', why);
  }
  return null;
}
