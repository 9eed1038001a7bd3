import { describe, expect, test } from 'vitest';
import type { ChainedRecord, Events } from '../../src/core/record.ts';
import { checkpointLogRecord, logRecordOf, spanOf } from '../../src/otel/otlp.ts';
import { chainedSession, sampleNote } from '../suites/sink.ts';
import {
  AT_MS,
  DENIED,
  ENDED,
  logsOf,
  NO_AMOUNTS,
  plain,
  recordOf,
  SESSION,
  sha256,
  spansOf,
  TOOL,
} from './records.ts';

describe('log records', () => {
  test('hold everything that is in the record', () => {
    const { attributes, ...log } = logRecordOf(TOOL);
    expect(log).toEqual({
      timeUnixNano: `${AT_MS}000000`,
      observedTimeUnixNano: `${AT_MS}000000`,
      severityNumber: 17,
      severityText: 'ERROR',
      eventName: 'aegrail.tool_call',
      body: { stringValue: 'tool_call' },
      traceId: sha256(SESSION).slice(0, 32),
      spanId: spanOf(TOOL)?.spanId,
    });
    const { ts: _ts, payload, budget, ...members } = TOOL;
    const keys = [
      ...Object.keys(members).map((key) => `aegrail.${key}`),
      ...Object.keys(payload).map((key) => `aegrail.payload.${key}`),
      ...Object.keys(budget).map((key) => `aegrail.budget.${key}`),
    ];
    expect(Object.keys(plain(attributes))).toEqual(expect.arrayContaining(keys));
    expect(plain(attributes)).toMatchObject({
      'aegrail.session_id': SESSION,
      'aegrail.seq': '7',
      'aegrail.hash': 'b'.repeat(64),
      'aegrail.prev_hash': 'a'.repeat(64),
      'aegrail.payload.ok': false,
      'aegrail.payload.posted': {
        values: [
          { key: 'usd_nano', value: { intValue: '0' } },
          { key: 'tokens', value: { intValue: '0' } },
          { key: 'tool_calls', value: { intValue: '1' } },
        ],
      },
    });
  });

  test('amounts that are decimals are doubles, also when they are whole; counts are integers', () => {
    const values = Object.fromEntries(logRecordOf(ENDED).attributes.map(({ key, value }) => [key, value]));
    expect(values['aegrail.budget.usd_reserved']).toEqual({ doubleValue: 0 });
    expect(values['aegrail.budget.wall_elapsed']).toEqual({ doubleValue: 2.25 });
    expect(values['aegrail.budget.tokens_reserved']).toEqual({ intValue: '0' });
  });

  test('values that a contract shows, of any kind', () => {
    const shown = { n: -1, half: 0.5, huge: 1e300, none: null, deep: [{ a: ['x', true, null] }], '': 'no name' };
    const args = { keys: [], bytes: 2, shown: { note: shown } };
    const record = { ...DENIED, payload: { ...DENIED.payload, args } } as ChainedRecord;
    const text = JSON.stringify(logRecordOf(record));
    expect(text).toContain('{"key":"n","value":{"intValue":"-1"}}');
    expect(text).toContain('{"key":"huge","value":{"doubleValue":1e+300}}');
    expect(text).toContain('[{"stringValue":"x"},{"boolValue":true},{}]');
  });

  test('the admission of a call and its end are in the span of the call, the rest in that of the session', () => {
    const records = chainedSession('s1', 2);
    const spans = spansOf(records);
    expect(logsOf(records).map(({ spanId }) => spans.findIndex((span) => span.spanId === spanId))).toEqual([
      2, 0, 0, 1, 1, 2,
    ]);
  });

  const ended = (outcome: Events['session_ended']['outcome']): ChainedRecord =>
    recordOf('session_ended', { outcome, reason: null, records: 8, answer: null });
  const called = (outcome: Events['tool_call']['outcome']): ChainedRecord =>
    ({ ...TOOL, payload: { ...TOOL.payload, outcome } }) as ChainedRecord;
  const newer = (event: string): ChainedRecord =>
    ({ ...ENDED, v: 2, event, payload: { x: 1 } }) as unknown as ChainedRecord;
  test.each<[string, string, ChainedRecord]>([
    ['INFO', 'an answer', ended('answered')],
    ['WARN', 'a kill', ended('killed')],
    ['ERROR', 'a failed session', ended('failed')],
    ['WARN', 'a denial', DENIED],
    [
      'WARN',
      'a budget that was exceeded',
      recordOf('budget_exceeded', { reason: 'usd', asi: 'ASI02', why: '', needed: NO_AMOUNTS }),
    ],
    ['INFO', 'a call', called('ok')],
    ['WARN', 'a cancelled call', called('cancelled')],
    ['ERROR', 'a call whose end is unknown', called('unknown')],
    ['ERROR', 'a call that ignored being stopped', called('abandoned')],
    ['WARN', 'a denial of a newer version', newer('approval_denied')],
    ['ERROR', 'a failure of a newer version', newer('child_failed')],
    ['INFO', 'anything else of a newer version', newer('child_started')],
  ])('%s: %s', (severityText, _what, record) => {
    expect(logRecordOf(record).severityText).toBe(severityText);
  });

  test('a checkpoint has the time that is in it', () => {
    const at = Date.parse('2026-09-21T14:07:00.000Z');
    expect(checkpointLogRecord(sampleNote(7))).toMatchObject({
      timeUnixNano: `${at}000000`,
      eventName: 'aegrail.checkpoint',
      attributes: [{ key: 'aegrail.event' }, { key: 'aegrail.note', value: { stringValue: sampleNote(7) } }],
    });
    expect(checkpointLogRecord('no note').timeUnixNano).toBe('0');
  });
});
