import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { judgeCall, type LoopRule, NO_CALLS, type RecentCalls } from '../../src/core/loops.ts';
import type { RequestedCall } from '../../src/core/policy.ts';

const call = (tool: string, args: unknown = {}): RequestedCall => ({ tool, args, problem: null });

/** Which calls of a session are refused: their indexes. */
function refused(calls: readonly RequestedCall[], rule: LoopRule | undefined): number[] {
  let recent: RecentCalls = NO_CALLS;
  return calls.flatMap((one, index) => {
    const verdict = judgeCall(recent, one, rule);
    recent = verdict.calls;
    return verdict.denial ? [index] : [];
  });
}

const letters = (text: string): RequestedCall[] => Array.from(text, (tool) => call(tool));

describe('what goes round in circles', () => {
  test.each<[string, string, number, number[]]>([
    ['one call, five times and no more', 'AAAAAAA', 5, [5, 6]],
    ['one call, with others in between', 'ABACADAEAFAG', 5, [10]],
    ['another one is still free', 'AAAAAAB', 5, [5]],
    ['once is once', 'AABB', 1, [1, 3]],
    ['two calls in turn', 'ABABAB', 5, []],
    ['two calls in turn, a fourth time', 'ABABABAB', 5, [6, 7]],
    ['three calls in turn', 'ABCABCABCABC', 5, [9, 10, 11]],
    ['a cycle that something came before', 'XYABABABA', 5, [8]],
    ['a cycle that is left', 'ABABABCABDBE', 5, []],
    ['a cycle with a call that is twice in it', 'AABAABAABA', 7, []],
    ['the same, with less patience', 'AABAABA', 4, [6]],
    ['two rounds at the least', 'ABABAC', 3, [4]],
    ['off', 'AAAAAAAAAAAAABABABABABABAB', 0, []],
  ])('%s: %s at %d', (_what, text, maxRepeats, expected) => {
    expect(refused(letters(text), { maxRepeats })).toEqual(expected);
  });

  test('a cycle of many calls is seen before one of them was made as often as it may be', () => {
    const many = Array.from({ length: 20 }, (_, index) => call('look', { index }));
    expect(refused([...many, ...many, ...many, call('look', { index: 0 })], { maxRepeats: 5 })).toEqual([60]);
  });

  test('a contract of before the rule has none', () => {
    expect(refused(letters('AAAAAAAA'), undefined)).toEqual([]);
    expect(judgeCall(NO_CALLS, call('A'), undefined).calls).toEqual([]);
  });

  test('says which call, how often, and what to do', () => {
    const [once] = letters('A');
    const { calls } = judgeCall(NO_CALLS, once!, { maxRepeats: 1 });
    expect(judgeCall(calls, once!, { maxRepeats: 1 }).denial).toEqual({
      reason: 'loop_detected',
      why: 'A was called with the same arguments before, and may be once. Do something else, or answer with what you have.',
    });
    const many = Array.from({ length: 6 })
      .flatMap(() => letters('AB'))
      .slice(0, 6);
    let recent: RecentCalls = NO_CALLS;
    for (const one of many) recent = judgeCall(recent, one, { maxRepeats: 5 }).calls;
    expect(judgeCall(recent, once!, { maxRepeats: 5 }).denial?.why).toMatch(
      /^The last 6 calls were the same 2, 3 times/,
    );
  });
});

describe('which calls are the same', () => {
  const rule = { maxRepeats: 1 };
  test.each<[string, RequestedCall, RequestedCall, boolean]>([
    ['keys in another order', call('a', { x: 1, y: 2 }), call('a', { y: 2, x: 1 }), true],
    ['a number written otherwise', call('a', JSON.parse('{"x":1e2}')), call('a', { x: 100 }), true],
    ['other arguments', call('a', { x: 1 }), call('a', { x: 2 }), false],
    ['a text that looks like a number', call('a', { x: 1 }), call('a', { x: '1' }), false],
    ['another tool', call('a'), call('b'), false],
    [
      'arguments that could not be read',
      { ...call('a', null), problem: 'x' },
      { ...call('a', null), problem: 'x' },
      true,
    ],
    ['read otherwise', { ...call('a', null), problem: 'x' }, { ...call('a', null), problem: 'y' }, false],
    ['what has no canonical form', call('a', { x: '\ud800' }), call('a', { x: '\ud801' }), true],
    ['not even a number', call('a', { x: NaN }), call('a', { x: NaN }), true],
  ])('%s', (_what, one, other, same) => {
    expect(refused([one, other], rule)).toEqual(same ? [1] : []);
  });
});

describe('of any calls', () => {
  const anyCall = fc.record({
    tool: fc.constantFrom('a', 'b', 'c', 'd'),
    args: fc.jsonValue(),
    problem: fc.constant(null),
  });
  const few = fc.record({ tool: fc.constantFrom('a', 'b', 'c'), args: fc.constant({}), problem: fc.constant(null) });
  const rules = fc.record({ maxRepeats: fc.integer({ min: 1, max: 8 }) });

  test('what never was before is never refused', () => {
    fc.assert(
      fc.property(fc.array(anyCall, { maxLength: 100 }), rules, (calls, rule) => {
        const numbered = calls.map((one, index) => ({ ...one, args: { index, inner: one.args } }));
        expect(refused(numbered, rule)).toEqual([]);
      }),
    );
  });

  test('no call runs more often than it may within what is remembered, and refusing is not forgotten', () => {
    fc.assert(
      fc.property(fc.array(few, { maxLength: 60 }), rules, (calls, rule) => {
        const no = new Set(refused(calls, rule));
        for (const tool of ['a', 'b', 'c']) {
          const ran = calls.filter((one, index) => one.tool === tool && !no.has(index));
          expect(ran.length).toBeLessThanOrEqual(rule.maxRepeats);
        }
      }),
    );
  });

  test('whatever comes round for ever is refused in the end, and from then on always', () => {
    fc.assert(
      fc.property(fc.array(few, { minLength: 1, maxLength: 20 }), rules, (round, rule) => {
        const calls = Array.from({ length: 12 }).flatMap(() => round);
        const no = refused(calls, rule);
        expect(no.length).toBeGreaterThan(0);
        expect(no.slice(-round.length)).toEqual(round.map((_, index) => calls.length - round.length + index));
      }),
    );
  });

  test('it remembers no more than it has to, never throws, and the same calls give the same', () => {
    fc.assert(
      fc.property(fc.array(fc.anything(), { maxLength: 200 }), rules, (all, rule) => {
        let recent: RecentCalls = NO_CALLS;
        for (const args of all) {
          const one = judgeCall(recent, { tool: 'a', args, problem: null }, rule);
          expect(judgeCall(recent, { tool: 'a', args, problem: null }, rule)).toEqual(one);
          recent = one.calls;
        }
        expect(recent.length).toBeLessThanOrEqual(64);
        expect(JSON.parse(JSON.stringify(recent))).toEqual(recent);
      }),
    );
  });
});
