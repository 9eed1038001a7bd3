import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Grant } from '../../src/core/contract.ts';
import { addAmounts, deadlineMs, NOTHING, pendingAmounts } from '../../src/core/ledger.ts';
import { ledgerCheck } from '../../src/audit/ledger-check.ts';
import type { AuditRecord } from '../../src/core/record.ts';
import { emptyState, type SessionState, step } from '../../src/core/session-state.ts';
import { type Act, act, grant, type SessionRun, startRun } from './session-run.ts';

test('for any interleaving of reserve, post, void, crash and retry, posted + pending never exceeds granted', () => {
  fc.assert(
    fc.property(grant, fc.array(act, { maxLength: 60 }), (given, acts) => {
      const run = startRun(given);
      for (const one of acts) {
        run.play(one);
        expectWithinGrant(run.state());
      }
    }),
    { numRuns: 2_000 },
  );
});

test('folding the records gives the same state, and every snapshot agrees with it', () => {
  fc.assert(
    fc.property(grant, fc.array(act, { maxLength: 60 }), (given, acts) => {
      const run = played(given, acts);
      expect(exported(run).reduce(step, emptyState())).toEqual(run.state());
      const check = ledgerCheck();
      for (const record of exported(played(given, acts.filter(isOnce)))) expect(check(record, true)).toBeNull();
    }),
    { numRuns: 500 },
  );
});

test('an end that is recorded again does not verify, though the ledger takes it once', () => {
  fc.assert(
    fc.property(grant, fc.array(act, { maxLength: 60 }), fc.nat(20), (given, acts, which) => {
      const run = played(given, acts.filter(isOnce));
      const posted = run.state().ledger;
      const before = run.records.length;
      run.play({ kind: 'end-again', which });
      if (run.records.length === before) return;
      expect(run.state().ledger).toEqual(posted);
      const check = ledgerCheck();
      const faults = run.records.map((record) => check(record, true)?.fault ?? null);
      expect(faults).toEqual([...Array.from({ length: before }, () => null), 'no_reservation']);
    }),
    { numRuns: 300 },
  );
});

test('a changed amount in any record shows in a later snapshot or in its own', () => {
  fc.assert(
    fc.property(
      grant,
      fc.array(act, { minLength: 5, maxLength: 40 }),
      fc.nat(),
      fc.integer({ min: 1, max: 999 }),
      (given, acts, at, more) => {
        const run = played(given, acts.filter(isOnce));
        const admissions = run.records.filter(({ event }) => event === 'llm_admitted');
        const victim = admissions[at % Math.max(1, admissions.length)];
        if (victim?.event !== 'llm_admitted') return;
        const { reserved } = victim.payload;
        const forged = {
          ...victim,
          payload: { ...victim.payload, reserved: { ...reserved, tokens: reserved.tokens + more } },
        };
        const check = ledgerCheck();
        const found = run.records.map((record) => check(record === victim ? forged : record, true));
        expect(found.some((fault) => fault !== null)).toBe(true);
      },
    ),
    { numRuns: 300 },
  );
});

function played(given: Grant, acts: readonly Act[]): SessionRun {
  const run = startRun(given);
  for (const one of acts) run.play(one);
  return run;
}

/** A guard never records an end again: only the ledger must bear it. */
function isOnce({ kind }: Act): boolean {
  return kind !== 'end-again';
}

/** What was exported and read again, not the objects that were made. */
function exported(run: SessionRun): AuditRecord[] {
  return run.records.map((record) => JSON.parse(JSON.stringify(record)) as AuditRecord);
}

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
