import type { Contract } from '../../src/core/contract.ts';
import type { WireAmounts, WireFacts, WireLimits } from '../../src/core/record-parts.ts';
import type { AuditRecord, Events } from '../../src/core/record.ts';
import { usdToNano } from '../../src/core/units.ts';
import { FIRST_MS, payloadsAt } from './bundle-sessions.ts';
import { CHIEF, CLERK, RESEARCHER, shaOf, toolsBelow } from './family-contracts.ts';
import { NO_AMOUNTS, ONE_CALL, started, toolAdmitted, toolDone } from './payloads.ts';
import { type Cast, type Emit, session } from './play.ts';

/** The logs of a session, of two that work for it, and of one that works for the second of those. */
export interface Family {
  readonly chief: readonly AuditRecord[];
  /** Killed by its limit of tokens. */
  readonly first: readonly AuditRecord[];
  /** Answered, with the help of a clerk. */
  readonly second: readonly AuditRecord[];
  readonly clerk: readonly AuditRecord[];
}

/** What records of each say otherwise than they should, by their sequence numbers. */
export type Told = { readonly [Name in keyof Family]?: NonNullable<Cast['told']> };

export const CHIEF_ID = 'sess_p';
export const FIRST_ID = `${CHIEF_ID}.8`;
export const SECOND_ID = `${CHIEF_ID}.9`;
export const CLERK_ID = `${SECOND_ID}.4`;
const USER = 'zoë@acme.com';
const FIRST_LIMITS: WireLimits = { usd: 0.01, tokens: 3_500, wall_seconds: 300, max_tool_calls: null, max_recursion_depth: 2 };
const SECOND_LIMITS: WireLimits = { usd: 0.01, tokens: 10_000, wall_seconds: 300, max_tool_calls: 4, max_recursion_depth: 2 };
const CLERK_LIMITS: WireLimits = { usd: 0.008, tokens: 4_000, wall_seconds: 60, max_tool_calls: 2, max_recursion_depth: 2 };

/** All four, and what each says otherwise. What they say of each other is that of those who say nothing otherwise. */
export function family(told: Told = {}): Family {
  const clerk = cameTo(playClerk());
  const came = { first: cameTo(playFirst()), second: cameTo(playSecond(clerk)) };
  return {
    chief: playChief(came, told.chief),
    first: playFirst(told.first),
    second: playSecond(clerk, told.second),
    clerk: playClerk(told.clerk),
  };
}

const CHIEF_MS = FIRST_MS;
const FIRST_CHILD_MS = CHIEF_MS + 2_000;
const SECOND_CHILD_MS = CHIEF_MS + 2_500;
const CLERK_MS = SECOND_CHILD_MS + 1_500;
const principalOf = (agent: string, startedMs: number): string => `${agent}/v1@sess_${startedMs}_0123456789ab`;

function playChief(came: { readonly first: WireAmounts; readonly second: WireAmounts }, told: Cast['told'] = {}): readonly AuditRecord[] {
  const pay = payloadsAt(CHIEF_MS);
  const limits = { usd: 0.05, tokens: 40_000, wall_seconds: 600, max_tool_calls: null, max_recursion_depth: 2 };
  const play = (emit: Emit): void => {
    emit('session_started', startedUnder(CHIEF, CHIEF_ID, limits));
    emit('llm_admitted', pay.admitted(2_000, 1_000), 2);
    emit('llm_call', pay.answered(1), 640);
    emit('tool_denied', denied('refund', 'call_1'));
    emit('tool_admitted', pay.tool('lookup_order', 'call_2'));
    emit('tool_admitted', pay.tool('refund', 'call_3'));
    emit('tool_call', toolDone(4, 'lookup_order', 'call_2'), 12);
    // One that surely did not run is no call.
    emit('tool_call', notStarted(5, 'refund', 'call_3'));
    emit('tool_admitted', delegated(pay.tool('research', 'call_4'), FIRST_ID, RESEARCHER, FIRST_LIMITS));
    emit('tool_admitted', delegated(pay.tool('research', 'call_5'), SECOND_ID, RESEARCHER, SECOND_LIMITS));
    emit('tool_admitted', delegated(pay.tool('research', 'call_6'), `${CHIEF_ID}.10`, RESEARCHER, SECOND_LIMITS));
    emit('tool_call', settled(10, 'research', 'call_6', `${CHIEF_ID}.10`, NO_AMOUNTS, { outcome: 'not_started', agent: 'none' }), 90);
    // What the clerk called is among what the researcher says that it called.
    const second = { ask_clerk: 1, lookup_order: 2 };
    emit('tool_call', settled(9, 'research', 'call_5', SECOND_ID, came.second, { calls: second, denied: 1 }), 9_000);
    const killed = { outcome: 'error', agent: 'killed', calls: { lookup_order: 1 }, denied: 1 } as const;
    emit('tool_call', settled(8, 'research', 'call_4', FIRST_ID, came.first, killed));
    emit('llm_admitted', pay.admitted(3_000, 500));
    emit('llm_call', pay.answered(14, { inputTokens: 2_001 }), 700);
    emit('session_ended', { outcome: 'answered', reason: null, records: 17, answer: { bytes: 24 } });
  };
  return session(CHIEF_ID, play, { startedMs: CHIEF_MS, user: USER, told });
}

const CHIEF_PRINCIPAL = principalOf('support-bot', CHIEF_MS);
const SECOND_PRINCIPAL = principalOf('researcher', SECOND_CHILD_MS);

/** What the chief posted before it delegated anything: a model call, and a tool call. */
function postedAbove(more: Partial<WireAmounts>[]): WireAmounts {
  const { usd_nano, tokens } = payloadsAt(CHIEF_MS).answered(1).posted;
  const all = [{ usd_nano, tokens }, ONE_CALL, ...more];
  const sum = (name: keyof WireAmounts): number => all.reduce((total, amounts) => total + (amounts[name] ?? 0), 0);
  return { usd_nano: sum('usd_nano'), tokens: sum('tokens'), tool_calls: sum('tool_calls') };
}

function playFirst(told: Cast['told'] = {}): readonly AuditRecord[] {
  const pay = payloadsAt(FIRST_CHILD_MS, 300_000);
  // Of the session itself only the call that admits it.
  const above: WireFacts = {
    used: postedAbove([ONE_CALL]),
    // The refund that did not run may be named or not.
    tools: { lookup_order: { admitted: 1, in_flight: 0 }, research: { admitted: 1, in_flight: 1 } },
    denied: 1,
  };
  const parent = { session_id: CHIEF_ID, seq: 8 };
  const play = (emit: Emit): void => {
    const start = startedUnder(RESEARCHER, FIRST_ID, FIRST_LIMITS);
    emit('session_started', { ...start, recursion_depth: 1, parent, chain: [CHIEF_PRINCIPAL], above });
    emit('llm_admitted', pay.admitted(1_000, 1_000), 2);
    emit('llm_call', pay.answered(1), 640);
    emit('tool_admitted', pay.tool('lookup_order', 'call_1'));
    emit('tool_denied', denied('refund', 'call_2'));
    emit('tool_call', toolDone(3, 'lookup_order', 'call_1'), 12);
    emit('budget_exceeded', { reason: 'tokens', asi: 'ASI02', why: 'They are used up.', needed: { ...NO_AMOUNTS, tokens: 2_600 } });
    emit('session_ended', { outcome: 'killed', reason: 'tokens', records: 8, answer: null });
  };
  return session(FIRST_ID, play, { agent: 'researcher', startedMs: FIRST_CHILD_MS, user: USER, chain: [CHIEF_PRINCIPAL], told });
}

/** What the second was handed down: what the first may do counts as done, and how many tools it calls nothing limits. */
const ABOVE_SECOND: WireFacts = {
  used: postedAbove([{ usd_nano: 10_000_000, tokens: 3_500, tool_calls: 1 }, ONE_CALL]),
  tools: {
    ask_clerk: { admitted: 1_000_000_000, in_flight: 1_000_000_000 },
    lookup_order: { admitted: 1_000_000_001, in_flight: 1_000_000_000 },
    refund: { admitted: 1_000_000_000, in_flight: 1_000_000_000 },
    research: { admitted: 2, in_flight: 2 },
  },
  denied: 1,
};

function playSecond(clerk: WireAmounts, told: Cast['told'] = {}): readonly AuditRecord[] {
  // It was started a little late: its deadline is its parent's.
  const wallMs = 299_500;
  const pay = payloadsAt(SECOND_CHILD_MS, wallMs);
  const parent = { session_id: CHIEF_ID, seq: 9 };
  const play = (emit: Emit): void => {
    const start = startedUnder(RESEARCHER, SECOND_ID, { ...SECOND_LIMITS, wall_seconds: wallMs / 1_000 });
    emit('session_started', { ...start, recursion_depth: 1, parent, chain: [CHIEF_PRINCIPAL], above: ABOVE_SECOND });
    emit('llm_admitted', pay.admitted(1_000, 1_000), 2);
    emit('llm_call', pay.answered(1), 640);
    emit('tool_admitted', pay.tool('lookup_order', 'call_1'));
    emit('tool_admitted', delegated(pay.tool('ask_clerk', 'call_2'), CLERK_ID, CLERK, CLERK_LIMITS));
    emit('tool_call', toolDone(3, 'lookup_order', 'call_1'), 12);
    emit('tool_call', settled(4, 'ask_clerk', 'call_2', CLERK_ID, clerk, { calls: { lookup_order: 1 }, denied: 1 }), 3_000);
    emit('session_ended', { outcome: 'answered', reason: null, records: 8, answer: { bytes: 9 } });
  };
  return session(SECOND_ID, play, { agent: 'researcher', startedMs: SECOND_CHILD_MS, user: USER, chain: [CHIEF_PRINCIPAL], told });
}

function playClerk(told: Cast['told'] = {}): readonly AuditRecord[] {
  const pay = payloadsAt(CLERK_MS, 60_000);
  const { usd_nano, tokens } = payloadsAt(SECOND_CHILD_MS).answered(1).posted;
  const { used, tools } = ABOVE_SECOND;
  // A lookup of its parent's is running.
  const above: WireFacts = {
    used: { usd_nano: used.usd_nano + usd_nano, tokens: used.tokens + tokens, tool_calls: used.tool_calls + 2 },
    tools: {
      ...tools,
      ask_clerk: { admitted: 1_000_000_001, in_flight: 1_000_000_001 },
      lookup_order: { admitted: 1_000_000_002, in_flight: 1_000_000_001 },
    },
    denied: 1,
  };
  const chain = [CHIEF_PRINCIPAL, SECOND_PRINCIPAL];
  const play = (emit: Emit): void => {
    const start = startedUnder(CLERK, CLERK_ID, CLERK_LIMITS);
    emit('session_started', { ...start, recursion_depth: 2, parent: { session_id: SECOND_ID, seq: 4 }, chain, above });
    emit('llm_admitted', pay.admitted(1_000, 1_000), 2);
    emit('llm_call', pay.answered(1), 640);
    emit('tool_denied', denied('lookup_order', 'call_1'));
    emit('tool_admitted', pay.tool('lookup_order', 'call_2'));
    emit('tool_call', toolDone(4, 'lookup_order', 'call_2'), 12);
    emit('tool_admitted', pay.tool('refund', 'call_3'));
    emit('tool_call', notStarted(6, 'refund', 'call_3'), 5);
    emit('session_ended', { outcome: 'answered', reason: null, records: 9, answer: { bytes: 3 } });
  };
  return session(CLERK_ID, play, { agent: 'clerk', startedMs: CLERK_MS, user: USER, chain, told });
}

function startedUnder(contract: Contract, id: string, limits: WireLimits): Events['session_started'] {
  return { ...started(id, limits), contract_sha256: shaOf(contract), tools: Object.keys(contract.tools) };
}

function denied(tool: string, call_id: string): Events['tool_denied'] {
  const { args } = toolAdmitted(tool, call_id, 'x');
  return { tool, call_id, reason: 'predicate_false', asi: 'ASI02', why: 'The rule of it says no.', args };
}

function notStarted(reservation: number, tool: string, callId: string): Events['tool_call'] {
  return { ...toolDone(reservation, tool, callId), ok: false, outcome: 'not_started', posted: NO_AMOUNTS };
}

function delegated(
  admitted: Events['tool_admitted'],
  session_id: string,
  contract: Contract,
  limits: WireLimits,
): Events['tool_admitted'] {
  const tool_calls = (limits.max_tool_calls ?? 0) + 1;
  const reserved = { usd_nano: usdToNano(limits.usd ?? 0), tokens: limits.tokens ?? 0, tool_calls };
  return { ...admitted, reserved, agent: { session_id, contract_sha256: shaOf(contract), limits, tools: toolsBelow(contract) } };
}

interface Settled {
  readonly outcome?: Events['tool_call']['outcome'];
  readonly agent?: NonNullable<Events['tool_call']['agent']>['outcome'];
  readonly calls?: Readonly<Record<string, number>>;
  readonly denied?: number;
}

function settled(
  reservation: number,
  tool: string,
  call_id: string,
  session_id: string,
  posted: WireAmounts,
  { outcome = 'ok', agent = 'answered', ...called }: Settled,
): Events['tool_call'] {
  const end = { reservation, tool, call_id, ok: outcome === 'ok', outcome, posted, elapsed_ms: 12 };
  return { ...end, agent: { session_id, outcome: agent, ...called } };
}

/** What a session's last record says that it used, and the call itself. */
function cameTo(records: readonly AuditRecord[]): WireAmounts {
  const { usd_used, tokens_used, tool_calls } = records.at(-1)!.budget;
  return { usd_nano: usdToNano(usd_used), tokens: tokens_used, tool_calls: tool_calls + 1 };
}
