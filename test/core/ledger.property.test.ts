import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addAmounts, deadlineMs, NOTHING, pendingAmounts } from '../../src/core/ledger.ts';
import { ledgerCheck } from '../../src/audit/ledger-check.ts';
import { emptyState, type SessionState, step } from '../../src/core/session-state.ts';
import { act, grant, startRun } from './session-run.ts';

test('for any interleaving of reserve, post, void, crash and retry, posted + pending never exceeds granted', () => {
  fc.assert(
    fc.property(grant, fc.array(act, { maxLength: 60 }), (given, acts) => {
      const run = startRun(given);
      for (const played of acts) {
        run.play(played);
        expectWithinGrant(run.state());
      }
    }),
    { numRuns: 2_000 },
  );
});

test('folding the records gives the same state, and every snapshot agrees with it', () => {
  fc.assert(
    fc.property(grant, fc.array(act, { maxLength: 60 }), (given, acts) => {
      const run = startRun(given);
      for (const played of acts) run.play(played);
      // What was exported and read again, not the objects that were made.
      const exported = run.records.map((record) => JSON.parse(JSON.stringify(record)) as typeof record);
      expect(exported.reduce(step, emptyState())).toEqual(run.state());
      const check = ledgerCheck();
      for (const record of exported) expect(check(record, true)).toBeNull();
    }),
    { numRuns: 500 },
  );
});

test('a changed amount in any record shows in a later snapshot or in its own', () => {
  fc.assert(
    fc.property(grant, fc.array(act, { minLength: 5, maxLength: 40 }), fc.nat(), fc.integer({ min: 1, max: 999 }), (given, acts, at, more) => {
      const run = startRun(given);
      for (const played of acts) run.play(played);
      const admissions = run.records.filter(({ event }) => event === 'llm_admitted');
      const victim = admissions[at % Math.max(1, admissions.length)];
      if (victim?.event !== 'llm_admitted') return;
      const { reserved } = victim.payload;
      const forged = { ...victim, payload: { ...victim.payload, reserved: { ...reserved, tokens: reserved.tokens + more } } };
      const check = ledgerCheck();
      const found = run.records.map((record) => check(record === victim ? forged : record, true));
      expect(found.some((why) => why !== null)).toBe(true);
    }),
    { numRuns: 300 },
  );
});

function expectWithinGrant({ ledger }: SessionState): void {
  const taken = addAmounts(ledger.posted, pendingAmounts(ledger));
  for (const dimension of ['usdNano', 'tokens', 'toolCalls'] as const) {
    expect(taken[dimension]).toBeLessThanOrEqual(ledger.grant[dimension] ?? Number.POSITIVE_INFINITY);
    expect(taken[dimension]).toBeGreaterThanOrEqual(NOTHING[dimension]);
  }
  for (const reservation of ledger.pending) {
    expect(reservation.untilMs).toBeLessThanOrEqual(deadlineMs(ledger));
    expect(reservation.depth).toBeLessThanOrEqual(ledger.grant.recursionDepth);
  }
}
