import { type Fault, faultOf } from '../core/faults.ts';
import { deadlineMs, type Ledger } from '../core/ledger.ts';
import type { WireAmounts } from '../core/record-parts.ts';
import type { AuditRecord } from '../core/record.ts';

type Admission = Extract<AuditRecord, { event: 'llm_admitted' | 'tool_admitted' }>;
type End = Extract<AuditRecord, { event: 'llm_call' | 'tool_call' }>;

/** Looks at the records of one session in order, and pairs each call's end with its admission. */
export type CallCheck = (record: AuditRecord, ledger: Ledger) => Fault | null;

/**
 * A call is admitted until the session's deadline, ends once, as the call that it was, posts no more than it reserved, and
 * ends before the session does: what ignored being stopped is recorded as abandoned.
 *
 * @returns a check that is given each record, and the ledger before it
 */
export function callCheck(): CallCheck {
  const open = new Map<number, Admission>();
  return (record, ledger) => {
    switch (record.event) {
      case 'llm_admitted':
      case 'tool_admitted': {
        open.set(record.seq, record);
        const deadline = deadlineMs(ledger);
        if (record.payload.until_ms === deadline) return null;
        return faultOf('wrong_deadline', `until_ms is not the session's deadline, ${deadline}`);
      }
      case 'llm_call':
      case 'tool_call': {
        const { reservation } = record.payload;
        const admission = open.get(reservation);
        open.delete(reservation);
        if (admission) return endFault(admission, record);
        return faultOf(
          'no_reservation',
          `it ends call ${reservation}, which is not pending: not admitted, or ended before`,
        );
      }
      case 'session_ended':
      case 'session_terminated':
        return open.size === 0
          ? null
          : faultOf('still_pending', `the session ends, and ${open.size} of its calls did not`);
      default:
        return null;
    }
  };
}

/** The amounts that add up, as they are on the wire. */
const AMOUNTS = ['usd_nano', 'tokens', 'tool_calls'] as const satisfies readonly (keyof WireAmounts)[];

function endFault(admission: Admission, end: End): Fault | null {
  const other = otherMember(admission, end);
  if (other) return faultOf('other_call', `call ${admission.seq}, which it ends, has another ${other}`);
  const over = AMOUNTS.find((amount) => end.payload.posted[amount] > mostOf(admission, amount));
  return over ? faultOf('over_reserved', `it posts more ${over} than was reserved`) : null;
}

/** What a call may come to: what it reserved, or anything where the session of another agent has no limit. */
function mostOf({ event, payload }: Admission, amount: keyof WireAmounts): number {
  const limits = event === 'tool_admitted' ? payload.agent?.limits : undefined;
  return limits && limits[LIMIT_OF[amount]] === null ? Number.MAX_SAFE_INTEGER : payload.reserved[amount];
}

const LIMIT_OF = { usd_nano: 'usd', tokens: 'tokens', tool_calls: 'max_tool_calls' } as const;

/** In what an end is not that of the call that was admitted. */
function otherMember(admission: Admission, end: End): string | null {
  if (admission.event === 'llm_admitted')
    return end.event !== 'llm_call' ? 'kind' : end.payload.model === admission.payload.model ? null : 'model';
  if (end.event !== 'tool_call') return 'kind';
  if (end.payload.tool !== admission.payload.tool) return 'tool';
  if (end.payload.call_id !== admission.payload.call_id) return 'call_id';
  return end.payload.agent?.session_id === admission.payload.agent?.session_id ? null : 'agent';
}
