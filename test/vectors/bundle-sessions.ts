import { closeLog } from '../../src/audit/close-log.ts';
import { costNano } from '../../src/core/cost.ts';
import type { AuditRecord, Events } from '../../src/core/record.ts';
import { wireUsage } from '../../src/core/session-state.ts';
import { foldRecords } from '../../src/core/stored-log.ts';
import type { Usage } from '../../src/core/price.ts';
import { totalTokens } from '../../src/core/usage.ts';
import { worstCaseNano } from '../../src/core/worst-case.ts';
import { CONTRACT_SHA256, PRICE } from './bundle-contract.ts';
import { modelAdmitted, modelAnswered, modelFailed, NO_AMOUNTS, started, toolAdmitted, toolDone } from './payloads.ts';
import { type Emit, RUN, session } from './play.ts';

/** The sessions of the bundles: their amounts are those of the contract's prices. */

/** When the bundles' first session starts. */
export const FIRST_MS = Date.UTC(2026, 1, 1, 8);
const MINUTE_MS = 60_000;

const USAGE: Usage = {
  inputTokens: 900,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  cacheWrite1hTokens: 0,
  outputTokens: 90,
  reasoningTokens: 20,
  webSearches: 0,
  modifiers: { service_tier: 'default' },
};

/** The payloads of a session that starts then. */
export function payloadsAt(startedMs: number, wallMs = 600_000) {
  const until = { until_ms: startedMs + wallMs };
  return {
    started: (sessionId: string): Events['session_started'] => ({ ...started(sessionId), contract_sha256: CONTRACT_SHA256 }),
    admitted(inputTokens: number, outputTokens: number): Events['llm_admitted'] {
      const usd_nano = worstCaseNano(PRICE, { inputTokens, outputTokens });
      const reserved = { usd_nano, tokens: inputTokens + outputTokens, tool_calls: 0 };
      return { ...modelAdmitted(usd_nano, 0), ...until, reserved, input_bound_tokens: inputTokens, max_output_tokens: outputTokens };
    },
    answered(reservation: number, changed: Partial<Usage> = {}): Events['llm_call'] {
      const usage = { ...USAGE, ...changed };
      const cost = costNano(PRICE, usage);
      if ('unpriceable' in cost) throw new Error(cost.unpriceable);
      const posted = { usd_nano: cost.usdNano, tokens: totalTokens(usage), tool_calls: 0 };
      return { ...modelAnswered(reservation, 0, 0, 0), usage: wireUsage(usage), posted };
    },
    tool: (tool: string, callId: string): Events['tool_admitted'] => ({ ...toolAdmitted(tool, callId, 'an order'), ...until }),
  };
}

/** A model call, a tool call, a model call, an answer. */
export function shopping(sessionId: string, startedMs: number = FIRST_MS, user?: string): readonly AuditRecord[] {
  const pay = payloadsAt(startedMs);
  const play = (emit: Emit): void => {
    emit('session_started', pay.started(sessionId));
    // Just as much input as the lower tier has.
    emit('llm_admitted', pay.admitted(2_000, 1_000), 2);
    emit('llm_call', pay.answered(1, { inputTokens: 1_950, cacheReadTokens: 50, modifiers: { service_tier: 'flex' } }), 640);
    emit('tool_admitted', pay.tool('lookup_order', 'call_1'));
    emit('tool_call', toolDone(3, 'lookup_order', 'call_1'), 12);
    emit('llm_admitted', pay.admitted(3_000, 500));
    emit('llm_call', pay.answered(5, { inputTokens: 2_001 }), 700);
    emit('session_ended', { outcome: 'answered', reason: null, records: 8, answer: { bytes: 24 } });
  };
  return session(sessionId, play, user === undefined ? { startedMs } : { startedMs, user });
}

/** Tries that surely did not run and whose end is not known, then a kill. */
export function failing(sessionId: string): readonly AuditRecord[] {
  const startedMs = FIRST_MS + 3 * MINUTE_MS;
  const pay = payloadsAt(startedMs);
  const play = (emit: Emit): void => {
    emit('session_started', pay.started(sessionId));
    emit('llm_admitted', pay.admitted(1_000, 1_000), 2);
    emit('llm_call', modelFailed(1, 'not_started', NO_AMOUNTS), 1_250);
    const again = { ...pay.admitted(2_500, 1_000), attempt: 2 };
    emit('llm_admitted', again, 541);
    emit('llm_call', modelFailed(3, 'unknown', again.reserved), 1_250);
    emit('session_ended', { outcome: 'killed', reason: 'wall_seconds', records: 6, answer: null }, 600_000);
  };
  return session(sessionId, play, { startedMs, user: 'bob@acme.com' });
}

/** A session that goes on: no record ends it. */
export function running(sessionId: string): readonly AuditRecord[] {
  return shopping(sessionId, FIRST_MS + 5 * MINUTE_MS, 'carol@acme.com').slice(0, 7);
}

/** A session that was terminated with a tool call in flight, and closed by `reconcile`. */
export function stopped(sessionId: string): readonly AuditRecord[] {
  const startedMs = FIRST_MS + 8 * MINUTE_MS;
  const records = shopping(sessionId, startedMs).slice(0, 4);
  const [first] = records;
  const log = foldRecords(records);
  if (first === undefined || log === null) throw new Error('there are no records to close');
  const closedMs = startedMs + 9_500;
  const closing = { status: 'terminated', runId: RUN, eventId: 31, closedMs, by: 'ops@acme.com', reason: 'Enough.' } as const;
  return [...records, ...closeLog(first, log, closing)];
}
