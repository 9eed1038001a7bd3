import type { PastSession } from '../../src/audit/what-if-walk.ts';
import { sessionFacts } from '../../src/core/session-facts.ts';
import { callKey } from '../../src/audit/asked-in-history.ts';
import type { Contract, Grant } from '../../src/core/contract.ts';
import { costNano } from '../../src/core/cost.ts';
import { type Amounts, deadlineMs, NOTHING, shortageOf } from '../../src/core/ledger.ts';
import { judgeCall, NO_CALLS } from '../../src/core/loops.ts';
import { makeRecord } from '../../src/core/make-record.ts';
import { boundModelCall, MESSAGE_OVERHEAD_TOKENS } from '../../src/core/model-bound.ts';
import { compilePolicy, decide } from '../../src/core/policy.ts';
import type { Usage } from '../../src/core/price.ts';
import { makePrincipal } from '../../src/core/principal.ts';
import type { CallOutcome } from '../../src/core/record-parts.ts';
import type { AuditRecord, EventName, Events } from '../../src/core/record.ts';
import { type Denial, type RefusalReason, REFUSALS } from '../../src/core/refusals.ts';
import { emptyState, wireAmounts, wireLimits, wireUsage } from '../../src/core/session-state.ts';
import { totalTokens } from '../../src/core/usage.ts';
import type { AskedCall, ModelAnswer, ToolCall } from '../../src/calls.ts';

/** A tool call that the model asks for, and what its tries come to; the last one is its end. */
export interface PlannedCall {
  readonly tool: string;
  readonly args: unknown;
  readonly tries: readonly Exclude<CallOutcome, 'cancelled' | 'abandoned'>[];
}

/** One turn of the model: tries that fail before it answers, and the answer. */
export interface PlannedTurn {
  readonly newTokens: number;
  readonly failures: readonly ('not_started' | 'unknown')[];
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly usage: 'reported' | 'missing' | 'impossible' | 'unpriceable';
  readonly calls: readonly PlannedCall[];
  /** Between any two things that happen. */
  readonly waitMs: number;
}

const STARTED_MS = Date.UTC(2026, 0, 1);

type End = { readonly outcome: Events['session_ended']['outcome']; readonly reason: string | null };

/**
 * Plays a plan as the session's workflow would, without Temporal: the same decisions by the same functions, the same records,
 * in the same order. What a turn of the plan says does not depend on how the one before it ended.
 */
export function playSession(contract: Contract, grant: Grant, plan: readonly PlannedTurn[]): PastSession {
  const principal = makePrincipal(
    { agent: contract.agent, version: contract.version, user: 'ann@acme.com', chain: [] },
    STARTED_MS,
    'abc123',
    grant.wallMs,
  );
  const policy = compilePolicy(contract, {});
  const model = `${contract.model.provider}/${contract.model.name}`;
  const records: AuditRecord[] = [];
  const answers = new Map<string, ModelAnswer>();
  const tools = new Map<string, ToolCall>();
  let nowMs = STARTED_MS;
  let state = emptyState();
  const emit = <E extends EventName>(event: E, payload: Events[E]): number => {
    const header = { sessionId: 's', principal, runId: 'r' };
    const made = makeRecord(header, state, event, payload, { nowMs, eventId: state.nextSeq });
    records.push(made.record);
    state = made.state;
    return made.record.seq;
  };
  const isLate = (): boolean => nowMs >= deadlineMs(state.ledger);
  const exceeded = (reason: RefusalReason, needed: Amounts): End => {
    emit('budget_exceeded', { reason, asi: REFUSALS[reason].asi, why: '', needed: wireAmounts(needed) });
    return { outcome: 'killed', reason };
  };
  const shortfall = (amounts: Amounts): Denial | null => {
    const until = { untilMs: deadlineMs(state.ledger), depth: state.ledger.depth };
    const shortage = shortageOf(state.ledger, { amounts, ...until }, nowMs);
    return shortage && { reason: shortage.reason, why: '' };
  };

  emit('session_started', {
    contract_sha256: '0'.repeat(64),
    limits: wireLimits(grant),
    model,
    tools: Object.keys(contract.tools),
    workflow_id: 's',
    authorization: null,
    recursion_depth: 0,
    input: { bytes: 0 },
    fail_on_kill: false,
    aegrail_version: '0.1.0',
  });

  /** One try of a model call. Null: it answered. */
  const tryModel = (turn: PlannedTurn, bound: number, failure: CallOutcome | undefined): End | null => {
    const room = boundModelCall(contract.model, state.ledger, bound);
    if ('refusal' in room) return exceeded(room.refusal.reason, { ...room.refusal.needed, toolCalls: 0 });
    const { usdNano, maxOutputTokens } = room.bound;
    const reserved = { usdNano, tokens: bound + maxOutputTokens, toolCalls: 0 };
    const short = shortfall(reserved);
    if (short) return exceeded(short.reason, reserved);
    const digest = `model ${state.nextSeq}`;
    const seq = emit('llm_admitted', {
      model,
      attempt: 1,
      digest,
      reserved: wireAmounts(reserved),
      until_ms: deadlineMs(state.ledger),
      timeout_ms: 1,
      input_bound_tokens: bound,
      max_output_tokens: maxOutputTokens,
    });
    nowMs += turn.waitMs;
    const facts = { reservation: seq, model, elapsed_ms: turn.waitMs };
    const blind = { ...facts, usage: null, usage_state: 'none' as const };
    if (isLate()) {
      const end = exceeded('wall_seconds', NOTHING);
      emit('llm_call', { ...blind, outcome: 'cancelled', posted: wireAmounts(reserved) });
      return end;
    }
    if (failure) {
      const used = failure === 'not_started' ? NOTHING : reserved;
      emit('llm_call', { ...blind, outcome: failure, posted: wireAmounts(used), retry_in_ms: 0 });
      return null;
    }
    const asked = turn.calls.map(({ tool, args }, index): AskedCall => ({
      id: `c${seq}.${index}`,
      tool,
      args,
      problem: null,
    }));
    const usage: Usage = {
      inputTokens: Math.min(turn.inputTokens, bound),
      cacheReadTokens: 0,
      cacheWriteTokens: 0,
      cacheWrite1hTokens: 0,
      outputTokens: Math.min(turn.outputTokens, maxOutputTokens),
      reasoningTokens: 0,
      webSearches: 0,
      modifiers: turn.usage === 'unpriceable' ? { service_tier: 'unheard-of' } : {},
    };
    const usageProblem = turn.usage === 'impossible' ? 'it can not be' : null;
    const said = turn.usage === 'missing' ? null : usage;
    const answer = { transcript: '', text: '', asked, finishReason: 'stop', usage: said, usageProblem };
    answers.set(callKey(seq, digest), answer);
    const { price } = contract.model;
    const cost = price === null ? { usdNano: 0 } : costNano(price, usage);
    const isImpossible = usageProblem !== null || (said !== null && !('usdNano' in cost));
    const counted = said !== null && !isImpossible && 'usdNano' in cost;
    const used = counted ? { usdNano: cost.usdNano, tokens: totalTokens(usage), toolCalls: 0 } : reserved;
    emit('llm_call', {
      ...facts,
      outcome: 'ok',
      posted: wireAmounts(used),
      usage: counted ? wireUsage(usage) : null,
      usage_state: isImpossible ? 'impossible' : counted ? 'reported' : 'missing',
      tool_calls_asked: asked.length,
    });
    if (isImpossible) return exceeded(contract.limits.usdNano === null ? 'tokens' : 'usd', reserved);
    countedTokens = used.tokens + MESSAGE_OVERHEAD_TOKENS * (1 + asked.length);
    return null;
  };
  let countedTokens = 0;
  let recent = NO_CALLS;

  /** Admits a try of a tool call: the number of its record, or how it was refused. */
  const admitTool = ({ id, tool, args }: AskedCall, attempt: number): { seq: number } | { end: End } | 'denied' => {
    const { ledger } = state;
    const session = sessionFacts(state);
    const call = { tool, args, problem: null };
    const loop = attempt === 1 ? judgeCall(recent, call, contract.loops) : { denial: null, calls: recent };
    recent = loop.calls;
    const denial = loop.denial ?? decide(policy, call, { principal, session, ledger }, nowMs);
    const shown = { tool, call_id: id, args: { keys: [], bytes: 0 } };
    if (denial) {
      emit('tool_denied', { ...shown, reason: denial.reason, asi: REFUSALS[denial.reason].asi, why: denial.why });
      return 'denied';
    }
    const reserved = { ...NOTHING, toolCalls: 1 };
    const short = shortfall(reserved);
    if (short) return { end: exceeded(short.reason, reserved) };
    const digest = `tool ${state.nextSeq}`;
    const facts = { reserved: wireAmounts(reserved), until_ms: deadlineMs(ledger), timeout_ms: 1 };
    const seq = emit('tool_admitted', { ...shown, attempt, digest, ...facts });
    const made = { tool, args, callId: id, principal, idempotencyKey: null, timeoutMs: 1, contractSha256: '' };
    tools.set(callKey(seq, digest), made);
    return { seq };
  };

  /** Runs the calls of an answer side by side: all are begun, then they end one after the other, and are tried again. */
  const runTools = (turn: PlannedTurn, asked: readonly AskedCall[]): End | null => {
    let end: End | null = null;
    let running: { call: AskedCall; tries: PlannedCall['tries']; seq: number; attempt: number }[] = [];
    const begin = (call: AskedCall, tries: PlannedCall['tries'], attempt: number): void => {
      const admission = admitTool(call, attempt);
      if (admission === 'denied') return;
      if ('end' in admission) end ??= admission.end;
      else running.push({ call, tries, seq: admission.seq, attempt });
    };
    for (const [index, call] of asked.entries()) {
      if (end) break;
      begin(call, turn.calls[index]?.tries ?? [], 1);
    }
    while (running.length > 0) {
      nowMs += turn.waitMs;
      const late = isLate();
      const stopped = late ? exceeded('wall_seconds', NOTHING) : null;
      end ??= stopped;
      const ending = running;
      running = [];
      for (const { call, tries, seq, attempt } of ending) {
        const outcome = late ? 'cancelled' : (tries[0] ?? 'ok');
        const again = !late && tries.length > 1;
        emit('tool_call', {
          reservation: seq,
          tool: call.tool,
          call_id: call.id,
          ok: outcome === 'ok',
          outcome,
          posted: { usd_nano: 0, tokens: 0, tool_calls: outcome === 'not_started' ? 0 : 1 },
          elapsed_ms: 0,
          ...(again ? { retry_in_ms: 0 } : {}),
        });
        if (again) begin(call, tries.slice(1), attempt + 1);
      }
    }
    return end;
  };

  const run = (): End => {
    for (const turn of plan) {
      const bound = countedTokens + turn.newTokens;
      for (const failure of [...turn.failures, undefined]) {
        const end = tryModel(turn, bound, failure);
        if (end) return end;
      }
      const last = records.at(-1);
      const asked = [...answers.values()].at(-1)?.asked ?? [];
      if (asked.length === 0 || last?.event !== 'llm_call') return { outcome: 'answered', reason: null };
      const end = runTools(turn, asked);
      if (end) return end;
      nowMs += turn.waitMs;
      if (isLate()) return exceeded('wall_seconds', NOTHING);
    }
    return { outcome: 'failed', reason: 'MODEL_FAILED' };
  };
  const { outcome, reason } = run();
  emit('session_ended', { outcome, reason, records: state.nextSeq + 1, answer: null });
  return { records, contract, calls: { answers, tools, contracts: new Map() } };
}
