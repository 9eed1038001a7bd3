import type { CallOutcome } from '../core/record-parts.ts';
import type { ChainedRecord, Events } from '../core/record.ts';
import { isKnown } from './known.ts';

/** How severe a log record is, in OpenTelemetry's numbers and short names. */
export interface Severity {
  readonly severityNumber: 9 | 13 | 17;
  readonly severityText: 'INFO' | 'WARN' | 'ERROR';
}

const INFO: Severity = { severityNumber: 9, severityText: 'INFO' };
const WARN: Severity = { severityNumber: 13, severityText: 'WARN' };
const ERROR: Severity = { severityNumber: 17, severityText: 'ERROR' };

const OF_CALL: Readonly<Record<CallOutcome, Severity>> = {
  ok: INFO,
  cancelled: WARN,
  not_started: WARN,
  error: ERROR,
  unknown: ERROR,
  abandoned: ERROR,
};

const OF_END: Readonly<Record<Events['session_ended']['outcome'], Severity>> = {
  answered: INFO,
  killed: WARN,
  cancelled: WARN,
  failed: ERROR,
};

/** What was denied, exceeded or undone warns, what failed is an error, and so is an end that the session did not make. */
export function severityOf(record: ChainedRecord): Severity {
  if (!isKnown(record)) return byName(record.event);
  switch (record.event) {
    case 'llm_call':
    case 'tool_call':
      return OF_CALL[record.payload.outcome] ?? ERROR;
    case 'session_ended':
      return OF_END[record.payload.outcome] ?? ERROR;
    case 'session_terminated':
      return ERROR;
    case 'killed_by_switch':
    case 'session_reset':
      return WARN;
    default:
      return byName(record.event);
  }
}

/** Events of versions that are newer than this code are in it too. */
function byName(event: string): Severity {
  if (event.endsWith('_failed')) return ERROR;
  return /_(denied|exceeded|expired)$/.test(event) ? WARN : INFO;
}
