import type { ChainedRecord } from '../core/record.ts';
import { AEGRAIL_VERSION } from '../protocol.ts';
import { attributesOf, type KeyValue } from './any-value.ts';
import { genAiAttributes, operationOf } from './genai.ts';
import { isKnown } from './known.ts';
import { spanIdOf, traceIdOf } from './ids.ts';
import { type Severity, severityOf } from './severity.ts';

/*
 * Records in OTLP's JSON form (opentelemetry-proto, and "JSON Protobuf Encoding" in the specification of OTLP): ids in hex,
 * 64-bit integers as text, enums as numbers. Everything is computed from one record by itself.
 */

/** Who sends, in attributes of OpenTelemetry: `service.name` and the like. */
export type Resource = Readonly<Record<string, string>>;

/** One log record on OTLP's wire. */
export interface LogRecord extends Severity {
  readonly timeUnixNano: string;
  readonly observedTimeUnixNano: string;
  readonly eventName: string;
  readonly body: { readonly stringValue: string };
  readonly attributes: readonly KeyValue[];
  readonly traceId?: string;
  readonly spanId?: string;
}

/** One span on OTLP's wire. */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: 1 | 3;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly KeyValue[];
  readonly status?: { readonly code: 2; readonly message: string };
}

interface Scoped {
  readonly scope: { readonly name: string; readonly version: string };
}
interface OfResource {
  readonly resource: { readonly attributes: readonly KeyValue[] };
}

/** Body of a POST to `/v1/logs`. */
export interface LogsRequest {
  readonly resourceLogs: readonly [
    OfResource & { readonly scopeLogs: readonly [Scoped & { readonly logRecords: readonly LogRecord[] }] },
  ];
}

/** Body of a POST to `/v1/traces`. */
export interface TracesRequest {
  readonly resourceSpans: readonly [
    OfResource & { readonly scopeSpans: readonly [Scoped & { readonly spans: readonly Span[] }] },
  ];
}

const SCOPE = { name: 'aegrail', version: AEGRAIL_VERSION };
const NANO_PER_MS = 1_000_000n;

/** What a worker calls itself, where nothing else is said. */
export const DEFAULT_RESOURCE: Resource = { 'service.name': 'aegrail', 'service.version': AEGRAIL_VERSION };

/** Records as log records: one each. */
export function otlpLogs(records: Iterable<ChainedRecord>, resource: Resource = DEFAULT_RESOURCE): LogsRequest {
  return logsRequest(Array.from(records, logRecordOf), resource);
}

/** Records as spans: one for each session, call of a model and call of a tool that is over, and each that was denied. */
export function otlpTraces(records: Iterable<ChainedRecord>, resource: Resource = DEFAULT_RESOURCE): TracesRequest {
  return tracesRequest(
    [...records].flatMap((record) => spanOf(record) ?? []),
    resource,
  );
}

/** Log records as one request. */
export function logsRequest(logRecords: readonly LogRecord[], resource: Resource): LogsRequest {
  return { resourceLogs: [{ ...ofResource(resource), scopeLogs: [{ scope: SCOPE, logRecords }] }] };
}

/** Spans as one request. */
export function tracesRequest(spans: readonly Span[], resource: Resource): TracesRequest {
  return { resourceSpans: [{ ...ofResource(resource), scopeSpans: [{ scope: SCOPE, spans }] }] };
}

/** A record as a log record, with everything that is in it; it is in the trace of its session, in the span of its call. */
export function logRecordOf(record: ChainedRecord): LogRecord {
  const { ts, payload, budget, ...members } = record;
  const atNano = nanoOf(Date.parse(ts));
  return {
    timeUnixNano: atNano,
    // Whoever sends it again later sends the same bytes.
    observedTimeUnixNano: atNano,
    ...severityOf(record),
    eventName: `aegrail.${record.event}`,
    body: { stringValue: record.event },
    attributes: [
      ...attributesOf(genAiAttributes(record)),
      ...attributesOf(members, 'aegrail.'),
      ...membersOf(payload, 'aegrail.payload'),
      ...membersOf(budget, 'aegrail.budget'),
    ],
    traceId: traceIdOf(record.session_id),
    spanId: spanIdOf(record.session_id, firstSeqOf(record)),
  };
}

/** A checkpoint, a signed note, as a log record. */
export function checkpointLogRecord(note: string): LogRecord {
  const atNano = nanoOf(Date.parse(/^time (\S+)$/m.exec(note)?.[1] ?? ''));
  return {
    timeUnixNano: atNano,
    observedTimeUnixNano: atNano,
    severityNumber: 9,
    severityText: 'INFO',
    eventName: 'aegrail.checkpoint',
    body: { stringValue: 'checkpoint' },
    attributes: attributesOf({ event: 'checkpoint', note }, 'aegrail.'),
  };
}

/**
 * The span of what a record is the end of, or null. A session that ends again after a reset has its span twice, under one
 * id: the later one says how it ended.
 */
export function spanOf(record: ChainedRecord): Span | null {
  const operation = operationOf(record);
  if (operation === null) return null;
  const { session_id, seq, hash } = record;
  const endMs = Date.parse(record.ts);
  const first = firstSeqOf(record);
  return {
    traceId: traceIdOf(session_id),
    spanId: spanIdOf(session_id, first),
    ...(first === 0 ? {} : { parentSpanId: spanIdOf(session_id, 0) }),
    name: operation.name,
    kind: operation.kind,
    startTimeUnixNano: nanoOf(endMs - operation.elapsedMs),
    endTimeUnixNano: nanoOf(endMs),
    attributes: [
      ...attributesOf(operation.attributes),
      ...attributesOf({ session_id, seq, hash }, 'aegrail.'),
      ...membersOf(record.payload, 'aegrail.payload'),
      ...(first === 0 ? membersOf(record.budget, 'aegrail.budget') : []),
    ],
    ...(operation.error === null ? {} : { status: { code: 2, message: operation.error } }),
  };
}

/** The sequence number of the record that began what this one belongs to: a call's admission, or else the session. */
function firstSeqOf(record: ChainedRecord): number {
  if (!isKnown(record)) return 0;
  switch (record.event) {
    case 'llm_admitted':
    case 'tool_admitted':
    case 'tool_denied':
      return record.seq;
    case 'llm_call':
    case 'tool_call':
      return record.payload.reservation;
    default:
      return 0;
  }
}

/** The members of what a record has under a name; of a newer version that may be anything. */
function membersOf(value: unknown, name: string): readonly KeyValue[] {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject
    ? attributesOf(value as Readonly<Record<string, unknown>>, `${name}.`)
    : attributesOf({ [name]: value });
}

function ofResource(resource: Resource): OfResource {
  return { resource: { attributes: attributesOf(resource) } };
}

/** Milliseconds since 1970 in OTLP's nanoseconds, which are unsigned. 0 is a time that is not known. */
function nanoOf(ms: number): string {
  return Number.isNaN(ms) ? '0' : String(BigInt(Math.max(0, ms)) * NANO_PER_MS);
}
