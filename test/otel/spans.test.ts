import { describe, expect, test } from 'vitest';
import type { ChainedRecord } from '../../src/core/record.ts';
import { type Span, spanOf } from '../../src/otel/otlp.ts';
import { chainedSession } from '../suites/sink.ts';
import { AT_MS, CHAT, DENIED, ENDED, plain, recordOf, SESSION, sha256, TOOL } from './records.ts';

const ERROR_STATUS = (message: string): unknown => ({ code: 2, message });

describe('spans', () => {
  test('a call of a model: from its admission to its end, in the names of the conventions', () => {
    const { attributes, ...span } = spanOf(CHAT) as Span;
    expect(span).toEqual({
      traceId: sha256(SESSION).slice(0, 32),
      spanId: sha256(`${SESSION}\n5`).slice(0, 16),
      parentSpanId: sha256(`${SESSION}\n0`).slice(0, 16),
      name: 'chat org/gpt-5-mini',
      kind: 3,
      startTimeUnixNano: `${AT_MS - 250}000000`,
      endTimeUnixNano: `${AT_MS}000000`,
    });
    expect(plain(attributes)).toMatchObject({
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'openai',
      'gen_ai.request.model': 'org/gpt-5-mini',
      'gen_ai.conversation.id': SESSION,
      'gen_ai.agent.name': 'support-bot',
      'gen_ai.agent.version': 'v1',
      'gen_ai.response.finish_reasons': { values: [{ stringValue: 'stop' }] },
      // What a cache gave and took is inside the input here, and beside it in a record.
      'gen_ai.usage.input_tokens': '100',
      'gen_ai.usage.cache_read.input_tokens': '30',
      'gen_ai.usage.cache_write.input_tokens': '10',
      'gen_ai.usage.output_tokens': '30',
      'gen_ai.usage.reasoning.output_tokens': '20',
      'aegrail.seq': '7',
      'aegrail.hash': 'b'.repeat(64),
    });
  });

  test('a call of a tool that failed', () => {
    const { attributes, ...span } = spanOf(TOOL) as Span;
    expect(span).toMatchObject({ name: 'execute_tool refund', kind: 1, status: ERROR_STATUS('TOOL_FAILED') });
    expect(span.startTimeUnixNano).toBe(`${AT_MS - 1000}000000`);
    expect(plain(attributes)).toMatchObject({
      'gen_ai.operation.name': 'execute_tool',
      'gen_ai.tool.name': 'refund',
      'gen_ai.tool.type': 'function',
      'gen_ai.tool.call.id': 'call_0',
      'error.type': 'TOOL_FAILED',
    });
  });

  test('a tool that was denied is in error, took no time, and is a child of its session', () => {
    const { attributes, ...span } = spanOf(DENIED) as Span;
    expect(span).toMatchObject({
      spanId: sha256(`${SESSION}\n7`).slice(0, 16),
      parentSpanId: sha256(`${SESSION}\n0`).slice(0, 16),
      name: 'execute_tool wipe',
      startTimeUnixNano: span.endTimeUnixNano,
      status: ERROR_STATUS('not_registered'),
    });
    expect(plain(attributes)).toMatchObject({ 'error.type': 'not_registered', 'aegrail.payload.asi': 'ASI03' });
  });

  test('a session, from its start, has no parent', () => {
    const { attributes, ...span } = spanOf(ENDED) as Span;
    expect(span).toEqual({
      traceId: sha256(SESSION).slice(0, 32),
      spanId: sha256(`${SESSION}\n0`).slice(0, 16),
      name: 'invoke_agent support-bot',
      kind: 1,
      startTimeUnixNano: `${AT_MS - 2250}000000`,
      endTimeUnixNano: `${AT_MS}000000`,
    });
    expect(plain(attributes)).toMatchObject({
      'gen_ai.operation.name': 'invoke_agent',
      'user.id': 'ada@acme.com',
      'aegrail.budget.usd_used': 0.5,
      'aegrail.budget.tokens_used': '300',
    });
  });

  test.each<[string, ChainedRecord, string]>([
    ['killed', recordOf('session_ended', { outcome: 'killed', reason: 'usd', records: 8, answer: null }), 'usd'],
    [
      'cancelled',
      recordOf('session_ended', { outcome: 'cancelled', reason: null, records: 8, answer: null }),
      'cancelled',
    ],
    [
      'terminated',
      recordOf('session_terminated', {
        status: 'terminated',
        known_by: 'history',
        closed_at: null,
        by: null,
        reason: null,
        records: 8,
      }),
      'terminated',
    ],
  ])('a session that was %s says so', (_how, record, word) => {
    expect(spanOf(record)).toMatchObject({ name: 'invoke_agent support-bot', status: ERROR_STATUS(word) });
  });

  test('no other event has one', () => {
    const events = chainedSession('s1', 2).filter((record) => spanOf(record) === null);
    expect(events.map(({ event }) => event)).toEqual(['session_started', 'tool_admitted', 'tool_admitted']);
  });
});
