import type { WireAmounts } from '../../src/core/record-parts.ts';
import type { Events } from '../../src/core/record.ts';
import { sha256, STARTED_MS } from './play.ts';

/** Payloads of the vectors' records. */

export const NO_AMOUNTS: WireAmounts = { usd_nano: 0, tokens: 0, tool_calls: 0 };
export const ONE_CALL: WireAmounts = { ...NO_AMOUNTS, tool_calls: 1 };

export function started(sessionId: string, limits: Partial<Events['session_started']['limits']> = {}): Events['session_started'] {
  return {
    contract_sha256: sha256('a contract'),
    limits: { usd: 0.05, tokens: 20_000, wall_seconds: 600, max_tool_calls: null, max_recursion_depth: 0, ...limits },
    model: 'openai/gpt-5.4-mini',
    tools: ['lookup_order', 'refund'],
    workflow_id: sessionId,
    authorization: null,
    recursion_depth: 0,
    input: { bytes: 42 },
    fail_on_kill: false,
    aegrail_version: '0.1.0',
  };
}

export function modelAdmitted(usd_nano: number, tokens: number, attempt = 1): Events['llm_admitted'] {
  return {
    model: 'openai/gpt-5.4-mini',
    attempt,
    digest: sha256(`model call ${usd_nano} ${attempt}`),
    reserved: { usd_nano, tokens, tool_calls: 0 },
    until_ms: STARTED_MS + 600_000,
    timeout_ms: 60_000,
    input_bound_tokens: tokens - 1_000,
    max_output_tokens: 1_000,
  };
}

export function modelAnswered(reservation: number, usd_nano: number, inputTokens: number, outputTokens: number): Events['llm_call'] {
  return {
    reservation,
    model: 'openai/gpt-5.4-mini',
    outcome: 'ok',
    posted: { usd_nano, tokens: inputTokens + outputTokens, tool_calls: 0 },
    usage: {
      input_tokens: inputTokens,
      cache_read_tokens: 0,
      cache_write_tokens: 0,
      cache_write_1h_tokens: 0,
      output_tokens: outputTokens,
      reasoning_tokens: 0,
      web_searches: 0,
      modifiers: { service_tier: 'default' },
    },
    usage_state: 'reported',
    finish_reason: 'stop',
    tool_calls_asked: 0,
    elapsed_ms: 640,
  };
}

export function modelFailed(reservation: number, outcome: 'not_started' | 'unknown', posted: WireAmounts): Events['llm_call'] {
  const error = outcome === 'unknown' ? { code: 'PROVIDER_ERROR', status: 503 } : { code: 'NO_WORKER' };
  return {
    reservation,
    model: 'openai/gpt-5.4-mini',
    outcome,
    posted,
    usage: null,
    usage_state: 'none',
    elapsed_ms: 1_250,
    error,
    retry_in_ms: 541,
  };
}

export function toolAdmitted(tool: string, call_id: string, note: string): Events['tool_admitted'] {
  return {
    tool,
    call_id,
    attempt: 1,
    digest: sha256(`tool call ${call_id}`),
    args: { keys: [{ key: 'note', bytes: Buffer.byteLength(JSON.stringify(note)) }], bytes: 60, shown: { note } },
    reserved: ONE_CALL,
    until_ms: STARTED_MS + 600_000,
    timeout_ms: 20_000,
  };
}

export function toolDone(reservation: number, tool: string, call_id: string): Events['tool_call'] {
  return { reservation, tool, call_id, ok: true, outcome: 'ok', posted: ONE_CALL, result: { bytes: 17 }, elapsed_ms: 12 };
}
