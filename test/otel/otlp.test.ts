import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { ChainedRecord } from '../../src/core/record.ts';
import { type LogRecord, otlpLogs, otlpTraces, type Span } from '../../src/otel/otlp.ts';
import { chainedSession } from '../suites/sink.ts';
import { logsRequestSchema, tracesRequestSchema } from './otlp-form.ts';
import { AT_MS, logsOf, plain, spansOf, TOOL } from './records.ts';

describe('requests', () => {
  const folder = new URL('../vectors/valid/', import.meta.url);
  const files = readdirSync(folder).filter((name) => name.endsWith('.jsonl'));
  const logs = files.map((name): [string, ChainedRecord[]] => [
    name,
    readFileSync(new URL(name, folder), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as ChainedRecord),
  ]);

  test.each(logs)('of %s have the form of OTLP, whatever is in the log', (_name, records) => {
    const parsed = logsRequestSchema.parse(JSON.parse(JSON.stringify(otlpLogs(records))));
    expect(parsed.resourceLogs[0]?.scopeLogs[0]?.logRecords).toHaveLength(records.length);
    tracesRequestSchema.parse(JSON.parse(JSON.stringify(otlpTraces(records))));
    logsRequestSchema.parse({ resourceLogs: [{ resource: { attributes: [] }, scopeLogs: [] }] });
  });

  test('do not depend on how records are cut into batches, nor on who makes them', () => {
    const records = [...chainedSession('s1', 3), ...chainedSession('s2', 2)];
    expect(records.flatMap((record) => spansOf([record]))).toEqual(spansOf(records));
    expect(records.flatMap((record) => logsOf([record]))).toEqual(logsOf(records));
    expect(new Set(spansOf(records).map(({ spanId }) => spanId)).size).toBe(7);
    expect(new Set(spansOf(records).map(({ traceId }) => traceId)).size).toBe(2);
  });

  test('name their resource and what made them', () => {
    const { resource, scopeLogs } = otlpLogs([TOOL], { 'service.name': 'shop' }).resourceLogs[0];
    expect(resource).toEqual({ attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }] });
    expect(scopeLogs[0].scope).toEqual({ name: 'aegrail', version: expect.stringMatching(/^\d+\.\d+\.\d+/) as string });
    expect(plain(otlpTraces([]).resourceSpans[0].resource.attributes)).toMatchObject({ 'service.name': 'aegrail' });
  });
});

test('the form that these tests check against refuses what a collector would misread', () => {
  const [log] = logsOf([TOOL]) as [LogRecord];
  const [span] = spansOf([TOOL]) as [Span];
  const isLog = (change: object): boolean =>
    logsRequestSchema.safeParse({
      resourceLogs: [
        {
          resource: { attributes: [] },
          scopeLogs: [{ scope: { name: 'a', version: '1' }, logRecords: [{ ...log, ...change }] }],
        },
      ],
    }).success;
  const isSpan = (change: object): boolean =>
    tracesRequestSchema.safeParse({
      resourceSpans: [
        {
          resource: { attributes: [] },
          scopeSpans: [{ scope: { name: 'a', version: '1' }, spans: [{ ...span, ...change }] }],
        },
      ],
    }).success;
  expect([isLog({}), isSpan({})]).toEqual([true, true]);
  for (const change of [
    { timeUnixNano: 1 },
    { traceId: 'AA'.repeat(16) },
    { spanId: '0'.repeat(16) },
    { body: 'text' },
    { severityNumber: 'SEVERITY_NUMBER_INFO' },
    { attributes: [{ key: 'a', value: { intValue: 1 } }] },
    { attributes: [...log.attributes, ...log.attributes] },
    { unheardOf: 1 },
  ])
    expect(isLog(change), JSON.stringify(change).slice(0, 80)).toBe(false);
  for (const change of [{ startTimeUnixNano: `${AT_MS + 1}000000` }, { parentSpanId: span.spanId }, { kind: 'CLIENT' }])
    expect(isSpan(change), JSON.stringify(change)).toBe(false);
});
