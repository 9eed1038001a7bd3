import { createHash } from 'node:crypto';
import { chainRecord, GENESIS_HASH } from '../../src/core/chain.ts';
import { makeRecord } from '../../src/core/make-record.ts';
import { makePrincipal } from '../../src/core/principal.ts';
import type { AuditRecord, EventName, Events, WireAmounts } from '../../src/core/record.ts';
import { emptyState } from '../../src/core/session-state.ts';

/** The sessions that the vectors are made of: small, and the same each time. */

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

const STARTED_MS = Date.UTC(2026, 0, 31, 12);
const NO_AMOUNTS: WireAmounts = { usd_nano: 0, tokens: 0, tool_calls: 0 };
const ONE_CALL: WireAmounts = { ...NO_AMOUNTS, tool_calls: 1 };

type Emit = <E extends EventName>(event: E, payload: Events[E], afterMs?: number) => void;

/** Records of one session, each made by the code that makes those of a real one. */
function session(sessionId: string, play: (emit: Emit) => void): readonly AuditRecord[] {
  const principal = makePrincipal(
    { agent: 'support-bot', version: 'v1', user: 'zoë@acme.com', chain: [] },
    STARTED_MS,
    '0123456789ab',
    600_000,
  );
  const records: AuditRecord[] = [];
  let state = emptyState();
  let nowMs = STARTED_MS;
  play((event, payload, afterMs = 0) => {
    nowMs += afterMs;
    const made = makeRecord({ sessionId, principal }, state, event, payload, nowMs);
    state = made.state;
    records.push(made.record);
  });
  return records;
}

function started(sessionId: string, limits: Partial<Events['session_started']['limits']> = {}): Events['session_started'] {
  return {
    contract_sha256: sha256('a contract'),
    limits: { usd: 0.05, tokens: 20_000, wall_seconds: 600, max_tool_calls: null, max_recursion_depth: 0, ...limits },
    model: 'openai/gpt-5.4-mini',
    tools: ['lookup_order', 'refund'],
    workflow_id: sessionId,
    run_id: '0195b2c4-1111-7222-8333-444455556666',
    recursion_depth: 0,
    input: { bytes: 42 },
    fail_on_kill: false,
    aegrail_version: '0.1.0',
  };
}

function modelAdmitted(usd_nano: number, tokens: number, attempt = 1): Events['llm_admitted'] {
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

function modelAnswered(reservation: number, usd_nano: number, inputTokens: number, outputTokens: number): Events['llm_call'] {
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

function modelFailed(reservation: number, outcome: 'not_started' | 'unknown', posted: WireAmounts): Events['llm_call'] {
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

function toolAdmitted(tool: string, call_id: string, note: string): Events['tool_admitted'] {
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

function toolDone(reservation: number, tool: string, call_id: string): Events['tool_call'] {
  return { reservation, tool, call_id, ok: true, outcome: 'ok', posted: ONE_CALL, result: { bytes: 17 }, elapsed_ms: 12 };
}

/** Two tools side by side, a refusal, an answer. Its strings hold what a careless reader of the bytes trips over. */
export function answered(sessionId: string): readonly AuditRecord[] {
  return session(sessionId, (emit) => {
    emit('session_started', started(sessionId));
    emit('llm_admitted', modelAdmitted(4_500_001, 3_000), 3);
    emit('llm_call', modelAnswered(1, 1_234_567, 1_800, 90), 640);
    emit('tool_admitted', toolAdmitted('refund', 'call_1', 'für Zoë 🙂 ,"hash":"0"'), 1);
    emit('tool_admitted', toolAdmitted('lookup_order', 'call_2', '\u2028 \u007f \u0001 \\ \ufb33'));
    emit('tool_denied', {
      tool: 'wipe_disk',
      call_id: 'call_3',
      reason: 'not_registered',
      asi: 'ASI03',
      why: 'The agent has no tool of this name.',
      args: { keys: [], bytes: 2 },
    });
    emit('tool_call', toolDone(4, 'lookup_order', 'call_2'), 12);
    emit('tool_call', toolDone(3, 'refund', 'call_1'), 30);
    emit('llm_admitted', modelAdmitted(5_000_000, 4_000));
    emit('llm_call', modelAnswered(8, 7, 1, 0), 333);
    emit('session_ended', { outcome: 'answered', reason: null, records: 11, answer: { bytes: 24 } }, 1);
  });
}

/** A session that its budget kills, after a try that never ran, one whose end is not known, and one that was cancelled. */
export function killed(sessionId: string): readonly AuditRecord[] {
  const limits = { usd: 0.01, tokens: null, max_tool_calls: 1 };
  return session(sessionId, (emit) => {
    emit('session_started', started(sessionId, limits));
    emit('llm_admitted', modelAdmitted(4_000_000, 3_000));
    emit('llm_call', modelFailed(1, 'not_started', NO_AMOUNTS), 1_250);
    emit('llm_admitted', modelAdmitted(4_000_000, 3_000, 2), 541);
    emit('llm_call', modelFailed(3, 'unknown', { usd_nano: 4_000_000, tokens: 3_000, tool_calls: 0 }), 1_250);
    emit('llm_admitted', modelAdmitted(4_000_000, 3_000, 3), 541);
    emit('llm_call', modelAnswered(5, 3_000_000, 1_500, 200), 640);
    emit('tool_admitted', toolAdmitted('refund', 'call_1', 'x'));
    emit('cancel_requested', { in_flight: 1 }, 9);
    emit(
      'tool_call',
      {
        reservation: 7,
        tool: 'refund',
        call_id: 'call_1',
        ok: false,
        outcome: 'cancelled',
        posted: ONE_CALL,
        elapsed_ms: 14,
        error: { code: 'CANCELLED' },
      },
      5,
    );
    emit('budget_exceeded', {
      reason: 'usd',
      asi: 'ASI02',
      why: 'The next call could cost more than what is left.',
      needed: { usd_nano: 4_000_000, tokens: 3_000, tool_calls: 0 },
    });
    emit('session_ended', { outcome: 'killed', reason: 'usd', records: 12, answer: null });
  });
}

/** Chains records, whatever their members are, each to the one before it. */
export function chained(records: readonly object[], prevHash = GENESIS_HASH): string[] {
  let last = prevHash;
  return records.map((record) => {
    const { line, record: linked } = chainRecord(record as AuditRecord, last, sha256);
    last = linked.hash;
    return line;
  });
}
