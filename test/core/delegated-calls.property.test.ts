import fc from 'fast-check';
import { expect, test } from 'vitest';
import { makeRecord } from '../../src/core/make-record.ts';
import { makePrincipal } from '../../src/core/principal.ts';
import type { CallOutcome } from '../../src/core/record-parts.ts';
import type { EventName, Events } from '../../src/core/record.ts';
import { handDown, ownCalls, sessionFacts } from '../../src/core/session-facts.ts';
import { emptyState, type SessionState, wireAmounts, wireFacts, wireLimits } from '../../src/core/session-state.ts';
import { addAmounts, NOTHING, remaining, usedAmounts } from '../../src/core/ledger.ts';

/** What a rule allows in all: `session.calls("refund").count < 3`. */
const MOST = 3;
const LIMITS = { usdNano: null, tokens: null, wallMs: 60_000, recursionDepth: 3 };
const NO_ARGS = { keys: [], bytes: 2 };
const ZERO = '0'.repeat(64);

/** One session of a family, as the guard and its worker drive it. */
interface Member {
  state: SessionState;
  readonly below: Map<number, Member>;
  ended: boolean;
  /** Calls that really ran. */
  refunds: number;
}

function emit<E extends EventName>(member: Member, event: E, payload: Events[E]): number {
  const principal = makePrincipal({ agent: 'bot', version: 'v1', user: 'ann', chain: [] }, 0, 'abc123', 60_000);
  const clock = { nowMs: 0, eventId: member.state.nextSeq };
  const { record, state } = makeRecord({ sessionId: 's', principal, runId: 'r' }, member.state, event, payload, clock);
  member.state = state;
  return record.seq;
}

function begin(limit: number | null, above?: Events['session_started']['above']): Member {
  const member = { state: emptyState(), below: new Map<number, Member>(), ended: false, refunds: 0 };
  emit(member, 'session_started', {
    contract_sha256: ZERO,
    limits: wireLimits({ ...LIMITS, toolCalls: limit }),
    model: 'openai/x',
    tools: ['refund'],
    workflow_id: 's',
    authorization: null,
    recursion_depth: 0,
    ...(above ? { above } : {}),
    input: { bytes: 0 },
    fail_on_kill: false,
    aegrail_version: '0.1.0',
  });
  return member;
}

const admission = { call_id: 'c', attempt: 1, digest: ZERO, args: NO_ARGS, until_ms: 60_000, timeout_ms: 1 };

function refund(member: Member): void {
  if ((sessionFacts(member.state).tools['refund']?.admitted ?? 0) >= MOST) return;
  if (remaining(member.state.ledger, 'toolCalls') < 1) return;
  member.refunds += 1;
  const reserved = wireAmounts({ ...NOTHING, toolCalls: 1 });
  const reservation = emit(member, 'tool_admitted', { ...admission, tool: 'refund', reserved });
  const end = { call_id: 'c', ok: true, outcome: 'ok' as const, posted: reserved, elapsed_ms: 0 };
  emit(member, 'tool_call', { ...end, reservation, tool: 'refund' });
}

/** @returns the session that it started, unless there was no budget for one */
function delegate(member: Member, wanted: number | null): Member | null {
  const left = remaining(member.state.ledger, 'toolCalls') - 1;
  if (left < 0) return null;
  const given = Math.min(wanted ?? Number.POSITIVE_INFINITY, left);
  const limit = given === Number.POSITIVE_INFINITY ? null : given;
  const agent = {
    session_id: 'child',
    contract_sha256: ZERO,
    limits: wireLimits({ ...LIMITS, toolCalls: limit }),
    tools: ['refund'],
  };
  const reserved = wireAmounts({ ...NOTHING, toolCalls: (limit ?? 0) + 1 });
  const seq = emit(member, 'tool_admitted', { ...admission, tool: 'helper', reserved, agent });
  const child = begin(limit, wireFacts(handDown(member.state, seq)));
  member.below.set(seq, child);
  return child;
}

/** The oldest below ends, with all below it; where `isLost`, nobody knows what it did. */
function settle(member: Member, isLost: boolean): void {
  const [first] = member.below;
  if (!first) return;
  const [seq, child] = first;
  while (child.below.size > 0) settle(child, isLost);
  child.ended = true;
  member.below.delete(seq);
  const outcome: CallOutcome = isLost ? 'unknown' : 'ok';
  const reserved = member.state.ledger.pending.find((one) => one.seq === seq)?.amounts ?? NOTHING;
  const used = addAmounts(usedAmounts(child.state.ledger), { ...NOTHING, toolCalls: 1 });
  emit(member, 'tool_call', {
    reservation: seq,
    tool: 'helper',
    call_id: 'c',
    ok: !isLost,
    outcome,
    posted: wireAmounts(isLost ? reserved : used),
    elapsed_ms: 0,
    agent: { session_id: 'child', outcome: 'answered', ...(isLost ? {} : ownCalls(child.state)) },
  });
}

/** The member of a family by a number; who has ended does nothing more. */
function pick(all: readonly Member[], which: number): Member {
  const running = all.filter(({ ended }) => !ended);
  return running[which % running.length] ?? all[0]!;
}

const act = fc.record({
  which: fc.nat(50),
  what: fc.constantFrom('refund', 'refund', 'refund', 'delegate', 'settle', 'lose'),
  limit: fc.option(fc.integer({ min: 0, max: 5 }), { freq: 4 }),
});

test('however a family of sessions shares its calls, a rule over their number holds for all together', () => {
  let full = 0;
  fc.assert(
    fc.property(fc.array(act, { maxLength: 40 }), (acts) => {
      const all = [begin(null)];
      for (const { which, what, limit } of acts) {
        const member = pick(all, which);
        if (what === 'refund') refund(member);
        const child = what === 'delegate' ? delegate(member, limit) : null;
        if (child) all.push(child);
        if (what === 'settle' || what === 'lose') settle(member, what === 'lose');
        const refunds = all.reduce((sum, one) => sum + one.refunds, 0);
        expect(refunds).toBeLessThanOrEqual(MOST);
        if (refunds === MOST) full += 1;
      }
    }),
    { numRuns: 3_000 },
  );
  // It is no rule that nobody ever comes to.
  expect(full).toBeGreaterThan(100);
});

test('what a sub-agent called counts for its parent when it has ended, and what nobody knows counts as all of it', () => {
  const count = (member: Member): number => sessionFacts(member.state).tools['refund']?.admitted ?? 0;
  const parent = begin(null);
  refund(parent);
  delegate(parent, 2);
  expect(count(parent)).toBe(3);
  const [child] = parent.below.values();
  expect(count(child!)).toBe(1);
  refund(child!);
  settle(parent, false);
  expect(count(parent)).toBe(2);
  expect(sessionFacts(parent.state).tools['refund']?.inFlight).toBe(0);
  delegate(parent, 2);
  settle(parent, true);
  expect(count(parent)).toBe(4);
});
