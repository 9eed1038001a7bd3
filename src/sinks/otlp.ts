import { join } from 'node:path';
import {
  checkpointLogRecord,
  DEFAULT_RESOURCE,
  logRecordOf,
  logsRequest,
  type Resource,
  spanOf,
  tracesRequest,
} from '../otel/otlp.ts';
import { compositeSink } from './composite.ts';
import { type HttpOptions, httpSink } from './http-sink.ts';
import { otlpWire } from './otlp-wire.ts';
import type { Sink } from './sink.ts';

/** Where an OTLP sink posts to, and what. */
export interface OtlpOptions extends Omit<HttpOptions, 'secret'> {
  /** Base of the collector's OTLP/HTTP endpoint: `http://collector:4318`. `/v1/logs` and `/v1/traces` are put behind it. */
  readonly url: string;
  /** Whether every record, and every checkpoint, is sent as a log record. True when left out. */
  readonly logs?: boolean;
  /** Whether sessions and calls are sent as spans. True when left out. */
  readonly traces?: boolean;
  /** Attributes of the resource, beside `service.name` and `service.version`. */
  readonly resource?: Resource;
}

/**
 * Sends records to an OpenTelemetry collector, in OTLP's JSON form over HTTP: as log records and as spans, each with a
 * queue and a spool (in a folder of its own) to itself. 429, 502, 503 and 504 are tried again, as the protocol says.
 *
 * @throws AegrailError CONFIG_INVALID when the url or a header is not one that can be sent, or a spool can't be made
 */
export function otlpSink({ logs = true, traces = true, resource, ...options }: OtlpOptions): Sink {
  const whole = { ...DEFAULT_RESOURCE, ...resource };
  return compositeSink([...(logs ? [logsSink(options, whole)] : []), ...(traces ? [tracesSink(options, whole)] : [])]);
}

function logsSink(options: HttpOptions, resource: Resource): Sink {
  return httpSink(optionsFor('logs', options), {
    kind: 'otlp logs',
    wire: otlpWire('logRecords', logsRequest([], resource)),
    linesOf: (records) => records.map((record) => JSON.stringify(logRecordOf(record))),
    checkpointLine: (note) => JSON.stringify(checkpointLogRecord(note)),
  });
}

function tracesSink(options: HttpOptions, resource: Resource): Sink {
  return httpSink(optionsFor('traces', options), {
    kind: 'otlp traces',
    wire: otlpWire('spans', tracesRequest([], resource)),
    linesOf: (records) => records.map(spanOf).flatMap((span) => (span === null ? [] : [JSON.stringify(span)])),
  });
}

function optionsFor(signal: 'logs' | 'traces', { url, spool, ...options }: HttpOptions): HttpOptions {
  return {
    ...options,
    url: URL.canParse(url) ? endpointOf(new URL(url), signal) : url,
    ...(spool && { spool: { ...spool, folder: join(spool.folder, signal) } }),
  };
}

/** The base may have a path, and a query: both are kept. */
function endpointOf(base: URL, signal: string): string {
  base.pathname = `${base.pathname.replace(/\/+$/, '')}/v1/${signal}`;
  return base.href;
}
