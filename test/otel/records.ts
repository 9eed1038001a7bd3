import { createHash } from 'node:crypto';
import type { ChainedRecord, EventName, Events } from '../../src/core/record.ts';
import { type LogRecord, otlpLogs, otlpTraces, type Span } from '../../src/otel/otlp.ts';

export const SESSION = 'sess_1';
export const AT_MS = Date.parse('2026-09-21T14:13:20.250Z');
export const NO_AMOUNTS = { usd_nano: 0, tokens: 0, tool_calls: 0 };

/** A record of an event, the rest of it being as it may be. */
export function recordOf<E extends EventName>(event: E, payload: Events[E], seq = 7): ChainedRecord {
  return {
    v: 1,
    ts: new Date(AT_MS).toISOString(),
    seq,
    session_id: SESSION,
    run_id: '0195b2c4-1111-7222-8333-444455556666',
    event_id: 12,
    agent_identity: 'support-bot/v1',
    invoking_user: 'ada@acme.com',
    principal: 'support-bot/v1@sess_1_0123456789ab',
    event,
    payload,
    budget: {
      tokens_used: 300,
      usd_used: 0.5,
      tool_calls: 1,
      recursion_depth: 0,
      wall_elapsed: 2.25,
      tokens_reserved: 0,
      usd_reserved: 0,
      tool_calls_reserved: 0,
    },
    prev_hash: 'a'.repeat(64),
    hash: 'b'.repeat(64),
  } as ChainedRecord;
}

export const CHAT = recordOf('llm_call', {
  reservation: 5,
  model: 'openai/org/gpt-5-mini',
  outcome: 'ok',
  posted: { usd_nano: 12_345, tokens: 130, tool_calls: 0 },
  usage: {
    input_tokens: 60,
    cache_read_tokens: 30,
    cache_write_tokens: 8,
    cache_write_1h_tokens: 2,
    output_tokens: 30,
    reasoning_tokens: 20,
    web_searches: 0,
    modifiers: {},
  },
  usage_state: 'reported',
  finish_reason: 'stop',
  elapsed_ms: 250,
});
export const TOOL = recordOf('tool_call', {
  reservation: 6,
  tool: 'refund',
  call_id: 'call_0',
  ok: false,
  outcome: 'error',
  posted: { ...NO_AMOUNTS, tool_calls: 1 },
  elapsed_ms: 1000,
  error: { code: 'TOOL_FAILED' },
});
export const DENIED = recordOf('tool_denied', {
  tool: 'wipe',
  call_id: 'call_1',
  reason: 'not_registered',
  asi: 'ASI03',
  why: 'no such tool',
  args: { keys: [], bytes: 2 },
});
export const ENDED = recordOf('session_ended', { outcome: 'answered', reason: null, records: 8, answer: { bytes: 5 } });

/** In hex. */
export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
/** Attributes as an object, by their keys, without the names of their types. */
export function plain(list: readonly { readonly key: string; readonly value: object }[]): Record<string, unknown> {
  return Object.fromEntries(list.map(({ key, value }) => [key, Object.values(value)[0] as unknown]));
}
/** The spans of a request. */
export function spansOf(records: readonly ChainedRecord[]): readonly Span[] {
  return otlpTraces(records).resourceSpans[0].scopeSpans[0].spans;
}
/** The log records of a request. */
export function logsOf(records: readonly ChainedRecord[]): readonly LogRecord[] {
  return otlpLogs(records).resourceLogs[0].scopeLogs[0].logRecords;
}
