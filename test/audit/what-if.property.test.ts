import fc from 'fast-check';
import { expect, test } from 'vitest';
import { whatIf } from '../../src/audit/what-if.ts';
import type { Ending, WhatIf } from '../../src/audit/what-if-report.ts';
import type { Rules } from '../../src/audit/what-if-rules.ts';
import type { Contract, Grant } from '../../src/core/contract.ts';
import { contractOf, grant, NO_LIMITS, plan, price, TOOLS, toolUnder } from './plans.ts';
import { playSession } from './played-session.ts';

const RUNS = { numRuns: 2_000 };

function rulesOf(contract: Contract, given: Grant): Rules {
  return { contract, grant: given, predicates: {}, refusal: null, migrated: null };
}

function leastOf(a: Grant, b: Grant): Grant {
  const least = (one: number | null, two: number | null): number | null =>
    one === null || two === null ? (one ?? two) : Math.min(one, two);
  return {
    usdNano: least(a.usdNano, b.usdNano),
    tokens: least(a.tokens, b.tokens),
    wallMs: Math.min(a.wallMs, b.wallMs),
    toolCalls: least(a.toolCalls, b.toolCalls),
    recursionDepth: 0,
  };
}

/**
 * Whether all that would have been is known: an answer that is cut would have been another one, the end of a call that never
 * ran could be any, and a call that would have been denied is not waited for, so that all after it would have been earlier.
 */
function isKnown({ differences }: WhatIf, ...endings: readonly Ending[]): boolean {
  const wouldBe = new Set(differences.map(({ was, wouldBe: { what } }) => (was.what === what ? '' : what)));
  const anew = wouldBe.has('ran') || wouldBe.has('cut');
  const byClock = wouldBe.has('cancelled') || endings.some(({ reason }) => reason === 'wall_seconds');
  return !anew && !(wouldBe.has('denied') && byClock);
}

test('under the rules that it had no session is any different', () => {
  const loops = fc.constantFrom(0, 1, 2, 3, 5).map((maxRepeats) => ({ maxRepeats }));
  const property = fc.property(grant, price, plan, loops, (given, priced, planned, rule) => {
    const contract = { ...contractOf(given, priced), loops: rule };
    const { was, wouldBe, differences, notes } = whatIf(
      playSession(contract, given, planned),
      rulesOf(contract, given),
    );
    expect({ differences, notes }).toEqual({ differences: [], notes: [] });
    expect(wouldBe).toEqual(was);
  });
  fc.assert(property, RUNS);
});

test('under limits that a session without limits did not have, it ends as one that had them', () => {
  const property = fc.property(grant, price, plan, (lower, priced, planned) => {
    const limits = { ...lower, usdNano: priced === null ? null : lower.usdNano };
    const free = playSession(contractOf(NO_LIMITS, priced), NO_LIMITS, planned);
    const bound = playSession(contractOf(limits, priced), limits, planned);
    const { was } = whatIf(bound, rulesOf(contractOf(limits, priced), limits));
    const judged = whatIf(free, rulesOf(contractOf(limits, priced), limits));
    fc.pre(isKnown(judged, was, judged.wouldBe));
    expect({ ...judged.wouldBe, seq: 0 }).toEqual({ ...was, seq: 0 });
  });
  fc.assert(property, RUNS);
});

test('under limits below those that it had, it ends as one that had them', () => {
  const property = fc.property(grant, grant, price, plan, (given, other, priced, planned) => {
    const limits = leastOf(given, other);
    const past = playSession(contractOf(given, priced), given, planned);
    const rules = rulesOf(contractOf(limits, priced), limits);
    const { was } = whatIf(playSession(contractOf(limits, priced), limits, planned), rules);
    const judged = whatIf(past, rules);
    fc.pre(judged.wouldBe.outcome !== 'unknown' && isKnown(judged, was, judged.wouldBe, judged.was));
    expect({ ...judged.wouldBe, seq: 0 }).toEqual({ ...was, seq: 0 });
  });
  fc.assert(property, RUNS);
});

test('under stricter rules a session spends what one spends that had them', () => {
  const strict: Contract['tools'] = {
    ...TOOLS,
    pay: toolUnder("args.amount <= 50 && !('pay' in session.tools && session.tools.pay.admitted >= 1)"),
    look: toolUnder('session.denied < 3'),
  };
  const property = fc.property(grant, price, plan, (given, priced, planned) => {
    const past = playSession(contractOf(given, priced), given, planned);
    const other = contractOf(given, priced, strict);
    const { was } = whatIf(playSession(other, given, planned), rulesOf(other, given));
    const judged = whatIf(past, rulesOf(other, given));
    fc.pre(judged.wouldBe.outcome !== 'unknown' && isKnown(judged, was, judged.wouldBe, judged.was));
    expect({ ...judged.wouldBe, seq: 0 }).toEqual({ ...was, seq: 0 });
  });
  fc.assert(property, RUNS);
});

test('under any rules it is total, and never spends more than was granted', () => {
  const property = fc.property(grant, price, plan, grant, price, (given, priced, planned, other, otherPrice) => {
    const past = playSession(contractOf(given, priced), given, planned);
    const { wouldBe, differences } = whatIf(past, rulesOf(contractOf(other, otherPrice), other));
    expect(wouldBe.usdNano).toBeLessThanOrEqual(other.usdNano ?? Number.POSITIVE_INFINITY);
    expect(wouldBe.tokens).toBeLessThanOrEqual(other.tokens ?? Number.POSITIVE_INFINITY);
    expect(wouldBe.toolCalls).toBeLessThanOrEqual(other.toolCalls ?? Number.POSITIVE_INFINITY);
    expect(differences.map(({ seq }) => seq)).toEqual(differences.map(({ seq }) => seq).sort((a, b) => a - b));
  });
  fc.assert(property, RUNS);
});
