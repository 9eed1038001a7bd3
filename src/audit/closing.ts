import type { TerminatedStatus } from '../core/record-parts.ts';

/** How, when and by whom a workflow run was closed, as its history has it. */
export interface Closing {
  readonly status: TerminatedStatus;
  readonly runId: string;
  readonly eventId: number;
  readonly closedMs: number;
  readonly by: string | null;
  readonly reason: string | null;
}

/** A history's event, as far as it is read here. Numbers may be protobuf's 64-bit ones: `Number` reads them. */
interface Event {
  readonly eventId?: unknown;
  readonly eventTime?: { readonly seconds?: unknown; readonly nanos?: number | null } | string | null;
  readonly workflowExecutionTerminatedEventAttributes?: {
    readonly reason?: string | null;
    readonly identity?: string | null;
  } | null;
  readonly workflowExecutionTimedOutEventAttributes?: object | null;
  readonly workflowExecutionFailedEventAttributes?: object | null;
  readonly workflowExecutionCanceledEventAttributes?: object | null;
  readonly workflowExecutionCompletedEventAttributes?: object | null;
}

/** Longest that a record says of who ended a session and why, in UTF-16 units: Temporal takes what an operator writes. */
const MAX_WORDS = 256;

const CLOSED = [
  ['workflowExecutionTerminatedEventAttributes', 'terminated'],
  ['workflowExecutionTimedOutEventAttributes', 'timed_out'],
  ['workflowExecutionFailedEventAttributes', 'failed'],
  ['workflowExecutionCanceledEventAttributes', 'cancelled'],
  ['workflowExecutionCompletedEventAttributes', 'completed'],
] as const;

/** Reads the end of a closed run's history. Null when it is not closed, or went on as another run. */
export function closingOf(history: unknown, runId: string): Closing | null {
  const { events } = (history ?? {}) as { readonly events?: readonly Event[] | null };
  const last = events?.at(-1);
  const found = last && CLOSED.find(([attributes]) => last[attributes]);
  if (!found) return null;
  const { reason, identity } = last.workflowExecutionTerminatedEventAttributes ?? {};
  return {
    status: found[1],
    runId,
    eventId: Number(last.eventId),
    closedMs: millisecondsOf(last.eventTime),
    by: words(identity),
    reason: words(reason),
  };
}

function millisecondsOf(time: Event['eventTime']): number {
  if (typeof time === 'string') return Date.parse(time);
  return Number(time?.seconds ?? 0) * 1000 + Math.floor((time?.nanos ?? 0) / 1e6);
}

function words(text: string | null | undefined): string | null {
  return text ? text.slice(0, MAX_WORDS).toWellFormed() : null;
}
