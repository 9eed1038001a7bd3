import type { JsonRecord } from './json-record.ts';

/** Application Lifecycle, API Activity, and Base Event: the classes that records become. */
export const LIFECYCLE_CLASS = 6002;
const API_CLASS = 6003;
const BASE_CLASS = 0;

const OTHER = 99;
const START = 3;
const STOP = 4;
const RESTART = 5;

/** OCSF's names of `status_id`. 99 has none: there the source's own word stands. */
export const STATUS_NAMES: Readonly<Record<number, string>> = { 0: 'Unknown', 1: 'Success', 2: 'Failure' };

/** Severities of OCSF. */
const SEVERITY = { informational: 1, low: 2, medium: 3 } as const;

/** Outcomes of calls and sessions by `status_id`. What is in neither list was stopped, or its end is not known. */
const STATUS_OF: Readonly<Record<string, number>> = {
  ok: 1,
  answered: 1,
  error: 2,
  not_started: 2,
  killed: 2,
  failed: 2,
  terminated: 2,
  timed_out: 2,
  lost: 2,
};
const UNKNOWN_OUTCOMES: ReadonlySet<string> = new Set(['unknown', 'abandoned']);

/** The call of an API Activity. */
export interface OcsfCall {
  /** The tool, or `generate` for a model. */
  readonly operation: string;
  /** `tools`, or `provider/name` of the model. */
  readonly service: string;
}

/** What an event of ours is in OCSF. */
export interface OcsfKind {
  /** False for an event of a newer version, which becomes a Base Event. */
  readonly isKnown: boolean;
  readonly classUid: number;
  readonly className: string;
  readonly category: { readonly uid: number; readonly name: string };
  readonly activityId: number;
  readonly activityName: string;
  readonly severityId: number;
  readonly statusId: number;
  /** Outcome, status or reason, as the record has it; null where nothing ended. */
  readonly statusCode: string | null;
  /** Null where nothing was called. */
  readonly call: OcsfCall | null;
}

const LIFECYCLE_ACTIVITY: Readonly<Record<string, { readonly id: number; readonly name: string }>> = {
  session_started: { id: START, name: 'Start' },
  session_ended: { id: STOP, name: 'Stop' },
  session_terminated: { id: STOP, name: 'Stop' },
  session_reset: { id: RESTART, name: 'Restart' },
  session_paused: { id: OTHER, name: 'session_paused' },
  session_resumed: { id: OTHER, name: 'session_resumed' },
  contract_migrated: { id: OTHER, name: 'contract_migrated' },
  killed_by_switch: { id: OTHER, name: 'killed_by_switch' },
  cancel_requested: { id: OTHER, name: 'cancel_requested' },
};
/** Their reason is what a person wrote, and no code. */
const BY_OPERATORS: ReadonlySet<string> = new Set([
  'session_paused',
  'session_resumed',
  'contract_migrated',
  'killed_by_switch',
]);
const CALL_EVENTS: ReadonlySet<string> = new Set([
  'llm_admitted',
  'llm_call',
  'tool_admitted',
  'tool_call',
  'tool_denied',
  'budget_exceeded',
]);
const REFUSALS: ReadonlySet<string> = new Set(['tool_denied', 'budget_exceeded']);

/** Says what a record is in OCSF. Reading and writing are not known of a call, so its activity is Other, by our name. */
export function ocsfKind(record: JsonRecord): OcsfKind {
  const lifecycle = LIFECYCLE_ACTIVITY[record.event];
  if (lifecycle !== undefined) {
    return { ...common(record), ...application(LIFECYCLE_CLASS, 'Application Lifecycle'), ...activity(lifecycle) };
  }
  if (CALL_EVENTS.has(record.event)) {
    return { ...common(record), ...application(API_CLASS, 'API Activity'), call: callOf(record) };
  }
  return {
    ...common(record),
    isKnown: false,
    classUid: BASE_CLASS,
    className: 'Base Event',
    category: { uid: 0, name: 'Uncategorized' },
  };
}

function application(classUid: number, className: string) {
  return { isKnown: true, classUid, className, category: { uid: 6, name: 'Application Activity' } };
}

function activity({ id, name }: { readonly id: number; readonly name: string }) {
  return { activityId: id, activityName: name };
}

function common(record: JsonRecord) {
  const statusCode = statusCodeOf(record);
  const statusId = statusIdOf(record, statusCode);
  return {
    activityId: OTHER,
    activityName: record.event,
    severityId: REFUSALS.has(record.event) ? SEVERITY.medium : statusId === 2 ? SEVERITY.low : SEVERITY.informational,
    statusId,
    statusCode,
    call: null,
  };
}

function statusCodeOf({ event, payload = {} }: JsonRecord): string | null {
  if (BY_OPERATORS.has(event)) return null;
  const { outcome, status, reason } = payload;
  return [outcome, status, reason].find((text) => typeof text === 'string') ?? null;
}

function statusIdOf({ event }: JsonRecord, statusCode: string | null): number {
  if (REFUSALS.has(event)) return 2;
  // An admission, or a start: it was done.
  if (statusCode === null) return 1;
  if (UNKNOWN_OUTCOMES.has(statusCode)) return 0;
  return STATUS_OF[statusCode] ?? OTHER;
}

function callOf({ payload = {} }: JsonRecord): OcsfCall {
  const { tool, model } = payload;
  if (typeof tool === 'string') return { operation: tool, service: 'tools' };
  return { operation: 'generate', service: typeof model === 'string' ? model : 'budget' };
}
