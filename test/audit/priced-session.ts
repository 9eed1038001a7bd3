import { createHash } from 'node:crypto';
import { canonicalJson } from '../../src/core/canonical.ts';
import { chainRecord, GENESIS_HASH } from '../../src/core/chain.ts';
import type { Contract } from '../../src/core/contract.ts';
import { costNano } from '../../src/core/cost.ts';
import { makeRecord } from '../../src/core/make-record.ts';
import type { ModelPrice, Usage } from '../../src/core/price.ts';
import { makePrincipal } from '../../src/core/principal.ts';
import type { WireAmounts } from '../../src/core/record-parts.ts';
import type { AuditRecord, EventName, Events } from '../../src/core/record.ts';
import { emptyState, wireLimits, wireUsage } from '../../src/core/session-state.ts';
import { totalTokens } from '../../src/core/usage.ts';
import { worstCaseNano } from '../../src/core/worst-case.ts';

/** Sessions whose costs follow from a contract, as those of a worker do. */

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

const PRICE: ModelPrice = {
  source: 'aegrail.yaml',
  sourceVersion: '1',
  model: 'gpt-5-mini',
  tiers: [
    {
      aboveInputTokens: 0,
      inputPicoUsd: 250_000,
      cacheReadPicoUsd: 25_000,
      cacheWritePicoUsd: 250_000,
      cacheWrite1hPicoUsd: 250_000,
      outputPicoUsd: 2_000_000,
    },
    {
      aboveInputTokens: 1000,
      inputPicoUsd: 500_000,
      cacheReadPicoUsd: 50_000,
      cacheWritePicoUsd: 500_000,
      cacheWrite1hPicoUsd: 500_000,
      outputPicoUsd: 3_000_001,
    },
  ],
  billedInput: ['input', 'cacheRead'],
  feesPicoUsd: { requests: 1_500 },
  multipliersPermille: { 'service_tier=flex': 500 },
};

export const CONTRACT: Contract = {
  format: 1,
  agent: 'bot',
  version: 'v1',
  instructions: 'Help.',
  model: {
    provider: 'openai',
    protocol: 'openai',
    name: 'gpt-5-mini',
    maxOutputTokens: 500,
    minOutputTokens: 10,
    promptOverheadTokens: 0,
    timeoutMs: 60_000,
    price: PRICE,
  },
  tools: {
    refund: {
      source: { kind: 'module', module: './tools.ts', export: 'refund' },
      description: 'Pays back.',
      inputSchema: {},
      when: null,
      approval: null,
      timeoutMs: 20_000,
      idempotent: false,
      redact: { showArgs: [], showResult: false },
      secrets: [],
    },
  },
  limits: { usdNano: 500_000_000, tokens: 20_000, wallMs: 3_600_000, toolCalls: 10, recursionDepth: 0 },
  budget: { onExceeded: 'kill', approvers: null, excludeUser: true, askMs: 1, softPermille: 0 },
  audit: 'required',
  maxParallelCalls: 4,
  maxResultBytes: 1000,
};
export const CONTRACT_JSON = canonicalJson(CONTRACT);
export const CONTRACT_SHA256 = sha256(CONTRACT_JSON);

/** Writes what happens in a session. Payloads may be other than those of a worker: that is what is tested. */
export type Emit = <E extends EventName>(event: E, payload: Events[E]) => void;

/** When sample sessions start. */
export const STARTED_MS = Date.UTC(2026, 0, 31, 12);
const RUN_ID = '0195b2c4-1111-7222-8333-444455556666';
const ONE_CALL: WireAmounts = { usd_nano: 0, tokens: 0, tool_calls: 1 };

export const USAGE: Usage = {
  inputTokens: 900,
  cacheReadTokens: 200,
  cacheWriteTokens: 0,
  cacheWrite1hTokens: 0,
  outputTokens: 40,
  reasoningTokens: 10,
  webSearches: 0,
  modifiers: { service_tier: 'flex' },
};

/** The records of a session, each made by the code that makes those of a real one; their `seq` is their index. */
export function playSession(
  sessionId: string,
  play: (emit: Emit) => void,
  { user = 'ada@acme.com', startedMs = STARTED_MS }: { readonly user?: string; readonly startedMs?: number } = {},
): readonly AuditRecord[] {
  const { agent, version } = CONTRACT;
  const principal = makePrincipal({ agent, version, user, chain: [] }, startedMs, '0123456789ab', 600_000);
  const records: AuditRecord[] = [];
  let state = emptyState();
  play((event, payload) => {
    const moment = { nowMs: startedMs + records.length * 250, eventId: 3 + records.length };
    const made = makeRecord({ sessionId, principal, runId: RUN_ID }, state, event, payload, moment);
    state = made.state;
    records.push(made.record);
  });
  return records;
}

/** A session that asks its model, calls a tool, and answers. `untilMs` must be its deadline. */
export function pricedSession(sessionId: string, options: { user?: string; startedMs?: number; ended?: boolean } = {}) {
  const untilMs = (options.startedMs ?? STARTED_MS) + CONTRACT.limits.wallMs;
  return playSession(
    sessionId,
    (emit) => {
      emit('session_started', started(sessionId));
      emit('llm_admitted', modelAdmitted(untilMs));
      emit('llm_call', modelAnswered(1));
      emit('tool_admitted', toolAdmitted(untilMs));
      emit('tool_call', toolDone(3));
      if (options.ended ?? true) emit('session_ended', ended(6));
    },
    options,
  );
}

export function started(sessionId: string): Events['session_started'] {
  return {
    contract_sha256: CONTRACT_SHA256,
    limits: wireLimits(CONTRACT.limits),
    model: 'openai/gpt-5-mini',
    tools: ['refund'],
    workflow_id: sessionId,
    authorization: null,
    recursion_depth: 0,
    input: { bytes: 42 },
    fail_on_kill: false,
    aegrail_version: '0.1.0',
  };
}

export function modelAdmitted(untilMs: number): Events['llm_admitted'] {
  const usd_nano = worstCaseNano(PRICE, { inputTokens: 1200, outputTokens: 300 });
  return {
    model: 'openai/gpt-5-mini',
    attempt: 1,
    digest: sha256('a call'),
    reserved: { usd_nano, tokens: 1500, tool_calls: 0 },
    until_ms: untilMs,
    timeout_ms: 60_000,
    input_bound_tokens: 1200,
    max_output_tokens: 300,
  };
}

export function modelAnswered(reservation: number, usage = USAGE): Events['llm_call'] {
  const cost = costNano(PRICE, usage);
  if ('unpriceable' in cost) throw new TypeError(cost.unpriceable);
  return {
    reservation,
    model: 'openai/gpt-5-mini',
    outcome: 'ok',
    posted: { usd_nano: cost.usdNano, tokens: totalTokens(usage), tool_calls: 0 },
    usage: wireUsage(usage),
    usage_state: 'reported',
    finish_reason: 'stop',
    tool_calls_asked: 1,
    elapsed_ms: 250,
  };
}

export function toolAdmitted(untilMs: number): Events['tool_admitted'] {
  return {
    tool: 'refund',
    call_id: 'call_1',
    attempt: 1,
    digest: sha256('a tool call'),
    args: { keys: [{ key: 'amount', bytes: 3 }], bytes: 14 },
    reserved: ONE_CALL,
    until_ms: untilMs,
    timeout_ms: 20_000,
  };
}

export function toolDone(reservation: number): Events['tool_call'] {
  return {
    reservation,
    tool: 'refund',
    call_id: 'call_1',
    ok: true,
    outcome: 'ok',
    posted: ONE_CALL,
    result: { bytes: 17 },
    elapsed_ms: 250,
  };
}

export function ended(records: number): Events['session_ended'] {
  return { outcome: 'answered', reason: null, records, answer: { bytes: 5 } };
}

/** The lines of a session's log, whatever its records are. */
export function linesOf(records: readonly object[]): string[] {
  let prevHash = GENESIS_HASH;
  return records.map((record) => {
    const { line, record: chained } = chainRecord(record as AuditRecord, prevHash, sha256);
    prevHash = chained.hash;
    return line;
  });
}
