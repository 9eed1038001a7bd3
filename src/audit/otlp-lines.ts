import type { ChainedRecord } from '../core/record.ts';
import { otlpLogs, otlpTraces } from '../otel/otlp.ts';

/** So many records go into one request: some hundred kilobytes, which every collector takes. */
const BATCH_RECORDS = 32;

/**
 * Stored lines as OTLP/JSON: a request a line, as the collector's file exporter writes them. Each batch of records is a
 * request of logs, and a request of traces when something ended in it.
 */
export async function* otlpLines(lines: AsyncIterable<string>): AsyncGenerator<string, void, undefined> {
  let batch: ChainedRecord[] = [];
  for await (const line of lines) {
    batch.push(JSON.parse(line) as ChainedRecord);
    if (batch.length < BATCH_RECORDS) continue;
    yield* requests(batch);
    batch = [];
  }
  if (batch.length > 0) yield* requests(batch);
}

function* requests(batch: readonly ChainedRecord[]): Generator<string, void, undefined> {
  yield JSON.stringify(otlpLogs(batch));
  const traces = otlpTraces(batch);
  if (traces.resourceSpans.some(({ scopeSpans }) => scopeSpans.some(({ spans }) => spans.length > 0)))
    yield JSON.stringify(traces);
}
