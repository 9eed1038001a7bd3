import type { Grant } from './contract.ts';
import {
  type Amounts,
  type Ledger,
  lease,
  openLedger,
  pendingAmounts,
  post,
  raise,
  reserve,
  unlease,
} from './ledger.ts';
import type { Usage } from './price.ts';
import type { BudgetSnapshot, Delegated, WireAmounts, WireFacts, WireLimits, WireUsage } from './record-parts.ts';
import type { AuditRecord, Events } from './record.ts';
import type { SessionFacts } from './session-facts.ts';
import {
  addHistories,
  type CallsOfAgent,
  countCall,
  mostCalls,
  overCalls,
  type ToolHistories,
  UNLIMITED_CALLS,
} from './tool-history.ts';
import { nanoToUsd, usdToNano } from './units.ts';

/** All that a session's records say, folded. Plain JSON: a continued run is given exactly this. */
export interface SessionState {
  /** Sequence number of the next record. */
  readonly nextSeq: number;
  readonly ledger: Ledger;
  /** Its own calls, and those of sub-agents that have ended. What rules see is {@link sessionFacts}. */
  readonly tools: ToolHistories;
  readonly denied: number;
  /** What it was handed down. Absent: it works for no other session. */
  readonly above?: SessionFacts;
  /** Sub-agents that run, by the record that admitted them. Absent: there was none. */
  readonly agents?: Readonly<Record<number, CallsOfAgent>>;
  readonly ended: boolean;
  /** Who paused it and why; null: it is not paused. Absent in what an older release folded. */
  readonly paused?: { readonly by: string; readonly reason: string | null } | null;
}

/** The state before the first record. */
export function emptyState(): SessionState {
  const nothing: Grant = { usdNano: 0, tokens: 0, wallMs: 0, toolCalls: 0, recursionDepth: 0 };
  return { nextSeq: 0, ledger: openLedger(nothing, 0, 0), tools: {}, denied: 0, ended: false, paused: null };
}

/**
 * Folds one record into the state. Total and pure: the same function runs in the workflow, in the verifier and in a
 * replay. A record that it does not know changes nothing but the sequence number.
 */
export function step(state: SessionState, record: Omit<AuditRecord, 'budget'>): SessionState {
  const next = { ...state, nextSeq: record.seq + 1 };
  const known = record as AuditRecord;
  switch (known.event) {
    case 'session_started': {
      const { limits, recursion_depth, above } = known.payload;
      const ledger = openLedger(grantOf(limits), Date.parse(record.ts), recursion_depth);
      return { ...next, ledger, ...(above ? { above: factsOf(above) } : {}) };
    }
    case 'llm_admitted':
      return { ...next, ledger: admit(next.ledger, record.seq, known.payload) };
    case 'tool_admitted':
      return {
        ...next,
        ledger: admit(next.ledger, record.seq, known.payload),
        tools: countCall(next.tools, known.payload.tool, { admitted: 1, inFlight: 1 }),
        ...agentsWith(next.agents, record.seq, known.payload.agent),
      };
    case 'llm_call':
      return { ...next, ledger: post(next.ledger, known.payload.reservation, amountsOf(known.payload.posted)) };
    case 'tool_call':
      return endToolCall(next, known.payload);
    case 'tool_denied':
      return { ...next, denied: next.denied + 1 };
    case 'session_paused':
      return { ...next, paused: known.payload };
    case 'session_resumed':
      return { ...next, paused: null };
    case 'budget_raised':
      return { ...next, ledger: raise(next.ledger, amountsOf(known.payload.amounts)) };
    case 'contract_migrated':
      return { ...next, ledger: { ...next.ledger, grant: grantOf(known.payload.limits) } };
    case 'account_leased': {
      const { account, n, amounts } = known.payload;
      return { ...next, ledger: lease(next.ledger, account, n, amountsOf(amounts)) };
    }
    case 'session_ended':
    case 'session_terminated':
      return { ...next, ended: true };
    case 'session_reset':
      return { ...next, ended: false, ledger: unlease(next.ledger) };
    default:
      return next;
  }
}

/** What a record's `budget` says, from the state after it and its own time. No time before the start gives less than 0 s. */
export function snapshotOf(ledger: Ledger, tsMs: number): BudgetSnapshot {
  const pending = pendingAmounts(ledger);
  return {
    tokens_used: ledger.posted.tokens,
    usd_used: nanoToUsd(ledger.posted.usdNano),
    tool_calls: ledger.posted.toolCalls,
    recursion_depth: ledger.depth,
    wall_elapsed: Math.max(0, tsMs - ledger.startedMs) / 1000,
    tokens_reserved: pending.tokens,
    usd_reserved: nanoToUsd(pending.usdNano),
    tool_calls_reserved: pending.toolCalls,
  };
}

export function wireAmounts(amounts: Amounts): WireAmounts {
  return { usd_nano: amounts.usdNano, tokens: amounts.tokens, tool_calls: amounts.toolCalls };
}

export function amountsOf(wire: WireAmounts): Amounts {
  return { usdNano: wire.usd_nano, tokens: wire.tokens, toolCalls: wire.tool_calls };
}

/** A provider's count as records have it. */
export function wireUsage(usage: Usage): WireUsage {
  return {
    input_tokens: usage.inputTokens,
    cache_read_tokens: usage.cacheReadTokens,
    cache_write_tokens: usage.cacheWriteTokens,
    cache_write_1h_tokens: usage.cacheWrite1hTokens,
    output_tokens: usage.outputTokens,
    reasoning_tokens: usage.reasoningTokens,
    web_searches: usage.webSearches,
    modifiers: usage.modifiers,
  };
}

/** {@link wireUsage}, read back. */
export function usageOf(wire: WireUsage): Usage {
  return {
    inputTokens: wire.input_tokens,
    cacheReadTokens: wire.cache_read_tokens,
    cacheWriteTokens: wire.cache_write_tokens,
    cacheWrite1hTokens: wire.cache_write_1h_tokens,
    outputTokens: wire.output_tokens,
    reasoningTokens: wire.reasoning_tokens,
    webSearches: wire.web_searches,
    modifiers: wire.modifiers,
  };
}

/** What is handed down to the session of a sub-agent, as records have it. */
export function wireFacts({ tools, denied, usedAbove }: SessionFacts): WireFacts {
  const histories = Object.entries(tools).map(([tool, { admitted, inFlight }]) => {
    return [tool, { admitted, in_flight: inFlight }] as const;
  });
  return { used: wireAmounts(usedAbove), tools: Object.fromEntries(histories), denied };
}

function factsOf({ used, tools, denied }: WireFacts): SessionFacts {
  const histories = Object.entries(tools).map(([tool, { admitted, in_flight }]) => {
    return [tool, { admitted, inFlight: in_flight }] as const;
  });
  return { usedAbove: amountsOf(used), tools: Object.fromEntries(histories), denied };
}

export function wireLimits(grant: Grant): WireLimits {
  return {
    usd: grant.usdNano === null ? null : nanoToUsd(grant.usdNano),
    tokens: grant.tokens,
    wall_seconds: grant.wallMs / 1000,
    max_tool_calls: grant.toolCalls,
    max_recursion_depth: grant.recursionDepth,
  };
}

export function grantOf(limits: WireLimits): Grant {
  return {
    usdNano: limits.usd === null ? null : usdToNano(limits.usd),
    tokens: limits.tokens,
    wallMs: Math.round(limits.wall_seconds * 1000),
    toolCalls: limits.max_tool_calls,
    recursionDepth: limits.max_recursion_depth,
  };
}

function admit(ledger: Ledger, seq: number, payload: { reserved: WireAmounts; until_ms: number }): Ledger {
  return reserve(ledger, {
    seq,
    amounts: amountsOf(payload.reserved),
    untilMs: payload.until_ms,
    depth: ledger.depth,
  });
}

function endToolCall(state: SessionState, payload: Events['tool_call']): SessionState {
  const { reservation, tool, posted, outcome, agent } = payload;
  const ended: SessionState = {
    ...state,
    ledger: post(state.ledger, reservation, amountsOf(posted)),
    tools: countCall(state.tools, tool, { admitted: outcome === 'not_started' ? -1 : 0, inFlight: -1 }),
  };
  const most = state.agents?.[reservation];
  if (!most) return ended;
  const { [reservation]: _, ...agents } = state.agents ?? {};
  // Whose end nobody knows may have called all that it might.
  const calls = agent?.calls ?? (outcome === 'not_started' ? {} : mostCalls(most));
  const tools = addHistories(ended.tools, overCalls(calls));
  return { ...ended, tools, denied: ended.denied + (agent?.denied ?? 0), agents };
}

/** An agent that runs. Older records do not say what it may call. */
function agentsWith(
  agents: SessionState['agents'],
  seq: number,
  agent: Delegated | undefined,
): Pick<SessionState, 'agents'> {
  if (!agent?.tools) return {};
  const { tools, limits } = agent;
  return { agents: { ...agents, [seq]: { tools, most: limits.max_tool_calls ?? UNLIMITED_CALLS } } };
}
