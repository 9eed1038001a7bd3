import { hash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { chainRecord, GENESIS_HASH } from '../src/core/chain.ts';
import { makeRecord } from '../src/core/make-record.ts';
import { makePrincipal } from '../src/core/principal.ts';
import type { EventName, Events } from '../src/core/record.ts';
import { emptyState } from '../src/core/session-state.ts';

/** Turns of a session: a model call and a tool call, two records each. */
const TURNS = 25;
/** Records of a session: its turns, its start and its end. */
const SESSION_RECORDS = TURNS * 4 + 2;
const FIRST_MS = Date.UTC(2026, 0, 31, 12);
const WALL_MS = 600_000;
const RUN_ID = '0195b2c4-1111-7222-8333-444455556666';

type Emit = <E extends EventName>(event: E, payload: Events[E], afterMs: number) => void;

/**
 * Writes a log of at least so many records, session after session, as the workflow makes them and the store chains them.
 *
 * @returns how many there are
 */
export async function writeLog(path: string, records: number): Promise<number> {
  const file = createWriteStream(path);
  const sessions = Math.ceil(records / SESSION_RECORDS);
  for (let index = 0; index < sessions; index++) {
    if (!file.write(sessionLines(index))) await once(file, 'drain');
  }
  file.end();
  await finished(file);
  return sessions * SESSION_RECORDS;
}

function sessionLines(index: number): string {
  const sessionId = `sess_${FIRST_MS + index}_${sha256(String(index)).slice(0, 12)}`;
  const startedMs = FIRST_MS + index * 1000;
  const ids = { agent: 'support-bot', version: 'v1', user: `user-${index % 97}@acme.com`, chain: [] };
  const principal = makePrincipal(ids, startedMs, '0123456789ab', WALL_MS);
  let text = '';
  let prevHash = GENESIS_HASH;
  let state = emptyState();
  let nowMs = startedMs;
  const emit: Emit = (event, payload, afterMs) => {
    nowMs += afterMs;
    const moment = { nowMs, eventId: 3 + state.nextSeq * 3 };
    const made = makeRecord({ sessionId, principal, runId: RUN_ID }, state, event, payload, moment);
    const { line, record } = chainRecord(made.record, prevHash, sha256);
    state = made.state;
    prevHash = record.hash;
    text += `${line}\n`;
  };
  emit('session_started', started(sessionId), 0);
  for (let turn = 0; turn < TURNS; turn++) {
    const seq = state.nextSeq;
    emit('llm_admitted', modelAdmitted(startedMs + WALL_MS, turn), 3);
    emit('llm_call', modelAnswered(seq, turn), 640);
    emit('tool_admitted', toolAdmitted(startedMs + WALL_MS, turn), 1);
    emit('tool_call', toolDone(seq + 2, turn), 12);
  }
  emit('session_ended', { outcome: 'answered', reason: null, records: SESSION_RECORDS, answer: { bytes: 24 } }, 1);
  return text;
}

function started(sessionId: string): Events['session_started'] {
  return {
    contract_sha256: sha256('a contract'),
    limits: { usd: 5, tokens: 2_000_000, wall_seconds: WALL_MS / 1000, max_tool_calls: null, max_recursion_depth: 0 },
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

function modelAdmitted(untilMs: number, turn: number): Events['llm_admitted'] {
  return {
    model: 'openai/gpt-5.4-mini',
    attempt: 1,
    digest: sha256(`model ${turn}`),
    reserved: { usd_nano: 4_500_001, tokens: 3_000, tool_calls: 0 },
    until_ms: untilMs,
    timeout_ms: 60_000,
    input_bound_tokens: 2_000,
    max_output_tokens: 1_000,
  };
}

function modelAnswered(reservation: number, turn: number): Events['llm_call'] {
  return {
    reservation,
    model: 'openai/gpt-5.4-mini',
    outcome: 'ok',
    posted: { usd_nano: 1_234_567 + turn, tokens: 1_890, tool_calls: 0 },
    usage: {
      input_tokens: 1_800,
      cache_read_tokens: 0,
      cache_write_tokens: 0,
      cache_write_1h_tokens: 0,
      output_tokens: 90,
      reasoning_tokens: 0,
      web_searches: 0,
      modifiers: { service_tier: 'default' },
    },
    usage_state: 'reported',
    finish_reason: 'tool-calls',
    tool_calls_asked: 1,
    elapsed_ms: 640,
  };
}

function toolAdmitted(untilMs: number, turn: number): Events['tool_admitted'] {
  return {
    tool: 'lookup_order',
    call_id: `call_${turn}`,
    attempt: 1,
    digest: sha256(`tool ${turn}`),
    args: { keys: [{ key: 'order', bytes: 12 }], bytes: 24, shown: { order: `order-${turn}` } },
    reserved: { usd_nano: 0, tokens: 0, tool_calls: 1 },
    until_ms: untilMs,
    timeout_ms: 20_000,
  };
}

function toolDone(reservation: number, turn: number): Events['tool_call'] {
  return {
    reservation,
    tool: 'lookup_order',
    call_id: `call_${turn}`,
    ok: true,
    outcome: 'ok',
    posted: { usd_nano: 0, tokens: 0, tool_calls: 1 },
    result: { bytes: 512 },
    elapsed_ms: 12,
  };
}

function sha256(text: string): string {
  return hash('sha256', text, 'hex');
}
