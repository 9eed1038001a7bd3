import fc from 'fast-check';
import type { Grant } from '../../src/core/contract.ts';
import { type Amounts, deadlineMs, shortageOf } from '../../src/core/ledger.ts';
import { makeRecord } from '../../src/core/make-record.ts';
import { makePrincipal } from '../../src/core/principal.ts';
import type { CallOutcome } from '../../src/core/record-parts.ts';
import type { AuditRecord, EventName, Events } from '../../src/core/record.ts';
import { amountsOf, emptyState, type SessionState, wireAmounts, wireLimits } from '../../src/core/session-state.ts';

/** What may happen to a session, in any order. */
export type Act =
  | { readonly kind: 'admit'; readonly tool: boolean; readonly amounts: Amounts }
  /** A call ends: `share` of its reservation was really used, in thousandths. */
  | { readonly kind: 'end'; readonly which: number; readonly outcome: CallOutcome; readonly share: number }
  /** The same end arrives twice, as after a crash between post and acknowledgement. */
  | { readonly kind: 'end-again'; readonly which: number }
  | { readonly kind: 'wait'; readonly ms: number };

const amounts = fc.record({
  usdNano: fc.nat(400_000_000),
  tokens: fc.nat(8_000),
  toolCalls: fc.nat(2),
});
const outcome = fc.constantFrom<CallOutcome>('ok', 'error', 'not_started', 'unknown', 'cancelled', 'abandoned');

export const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('admit' as const), tool: fc.boolean(), amounts }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('end' as const), which: fc.nat(20), outcome, share: fc.nat(1000) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('end-again' as const), which: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(20_000) }) },
);

const orNone = (limit: fc.Arbitrary<number>): fc.Arbitrary<number | null> => fc.option(limit, { freq: 5 });

export const grant: fc.Arbitrary<Grant> = fc.record({
  usdNano: orNone(fc.nat(2_000_000_000)),
  tokens: orNone(fc.nat(40_000)),
  wallMs: fc.integer({ min: 1, max: 60_000 }),
  toolCalls: orNone(fc.nat(12)),
  recursionDepth: fc.nat(3),
});

const STARTED_MS = Date.UTC(2026, 0, 1);

/** A session as the guard drives it, without Temporal: the same decisions, the same records, the same fold. */
export interface SessionRun {
  readonly records: AuditRecord[];
  state(): SessionState;
  play(act: Act): void;
}

/** Starts a session that acts can be played on. */
export function startRun(given: Grant): SessionRun {
  let nowMs = STARTED_MS;
  let state = emptyState();
  const records: AuditRecord[] = [];
  const ended: { seq: number; payload: Events['llm_call'] }[] = [];
  const principal = makePrincipal(
    { agent: 'bot', version: 'v1', user: 'ann', chain: [] },
    nowMs,
    'abc123',
    given.wallMs,
  );
  const emit = <E extends EventName>(event: E, payload: Events[E]): void => {
    const made = makeRecord({ sessionId: 's', principal, runId: 'r' }, state, event, payload, {
      nowMs,
      eventId: state.nextSeq,
    });
    records.push(made.record);
    state = made.state;
  };
  emit('session_started', {
    contract_sha256: '0'.repeat(64),
    limits: wireLimits(given),
    model: 'openai/x',
    tools: [],
    workflow_id: 's',
    authorization: null,
    recursion_depth: 0,
    input: { bytes: 0 },
    fail_on_kill: false,
    aegrail_version: '0.1.0',
  });
  const admit = (wanted: Amounts): void => {
    const reservation = { amounts: wanted, untilMs: deadlineMs(state.ledger), depth: 0 };
    if (shortageOf(state.ledger, reservation, nowMs)) return;
    emit('llm_admitted', {
      model: 'openai/x',
      attempt: 1,
      digest: '0'.repeat(64),
      reserved: wireAmounts(wanted),
      until_ms: reservation.untilMs,
      timeout_ms: 1,
      input_bound_tokens: 0,
      max_output_tokens: 0,
    });
  };
  const end = (which: number, how: CallOutcome, share: number): void => {
    const { pending } = state.ledger;
    const reservation = pending[which % Math.max(1, pending.length)];
    if (!reservation) return;
    const payload: Events['llm_call'] = {
      reservation: reservation.seq,
      model: 'openai/x',
      outcome: how,
      posted: wireAmounts(used(reservation.amounts, how, share)),
      usage: null,
      usage_state: 'none',
      elapsed_ms: 0,
    };
    ended.push({ seq: reservation.seq, payload });
    emit('llm_call', payload);
  };
  return {
    records,
    state: () => state,
    play(played) {
      if (played.kind === 'wait') nowMs += played.ms;
      if (played.kind === 'admit') admit(played.amounts);
      if (played.kind === 'end') end(played.which, played.outcome, played.share);
      const again = played.kind === 'end-again' ? ended[played.which % Math.max(1, ended.length)] : undefined;
      if (again) emit('llm_call', again.payload);
    },
  };
}

/** What the guard posts: the real amount when it is known, nothing when it never ran, the worst case otherwise. */
function used(reserved: Amounts, how: CallOutcome, share: number): Amounts {
  if (how === 'not_started') return amountsOf({ usd_nano: 0, tokens: 0, tool_calls: 0 });
  if (how !== 'ok') return reserved;
  const part = (amount: number): number => Math.floor((amount * share) / 1000);
  return { usdNano: part(reserved.usdNano), tokens: part(reserved.tokens), toolCalls: reserved.toolCalls };
}
