import { describe, expect, test } from 'vitest';
import { whatIf } from '../../src/audit/what-if.ts';
import { NO_LIMITS } from './plans.ts';
import { call, ENDS, played, rules, tell, turn, TURN_NANO, TWO_CALLS } from './what-if-kit.ts';

describe('other limits', () => {
  test('usd: killed before the call that does not fit, and what followed would not have happened', () => {
    // A call of 100 tokens in and at least 16 out needs 147,000 nano-USD, and the first one had 300,000.
    const found = whatIf(played(TWO_CALLS), rules({ usdNano: 500_000 }));
    expect(tell(found)).toEqual(['7 openai/x: ran -> killed usd']);
    expect(found.wouldBe).toEqual({
      outcome: 'killed',
      reason: 'usd',
      seq: 7,
      usdNano: TURN_NANO,
      tokens: 150,
      toolCalls: 2,
    });
  });

  test('tokens', () => {
    const found = whatIf(played(TWO_CALLS), rules({ tokens: 300 }));
    expect(tell(found)).toEqual(['7 openai/x: ran -> killed tokens']);
    expect(found.differences[0]?.why).toBe('The next model call needs up to 362 tokens at least, and 150 are left.');
  });

  test('tool calls: those in flight come to their end, the model is not asked again', () => {
    const past = played([turn([call('look'), call('pay', 80), call('look'), call('wipe')]), ENDS]);
    const found = whatIf(past, rules({ toolCalls: 1 }));
    expect(tell(found)).toEqual([
      '4 pay: ran -> killed max_tool_calls',
      '5 look: ran -> not_happened',
      '6 wipe: denied not_registered -> not_happened',
      '10 openai/x: ran -> not_happened',
    ]);
    expect(found.wouldBe).toMatchObject({ outcome: 'killed', reason: 'max_tool_calls', seq: 4, toolCalls: 1 });
  });

  test('wall clock: what was running is cancelled, and posted at its reservation', () => {
    const past = played(TWO_CALLS);
    const model = whatIf(past, rules({ wallMs: 500 }));
    expect(tell(model)).toEqual([
      '1 openai/x: ran -> cancelled wall_seconds',
      '3 look: ran -> not_happened',
      '4 pay: ran -> not_happened',
      '7 openai/x: ran -> not_happened',
    ]);
    // 100 tokens in, 400 out.
    const reserved = 100 * 750 + 400 * 4_500;
    expect(model.wouldBe).toEqual({
      outcome: 'killed',
      reason: 'wall_seconds',
      seq: 2,
      usdNano: reserved,
      tokens: 500,
      toolCalls: 0,
    });
    const tools = whatIf(past, rules({ wallMs: 1_500 }));
    expect(tell(tools)).toEqual([
      '3 look: ran -> cancelled wall_seconds',
      '4 pay: ran -> cancelled wall_seconds',
      '7 openai/x: ran -> not_happened',
    ]);
    expect(tools.wouldBe).toMatchObject({ outcome: 'killed', seq: 5, toolCalls: 2 });
  });

  test('a lower limit cuts the answer off', () => {
    const found = whatIf(played(TWO_CALLS), rules({ tokens: 140 }));
    expect(tell(found).slice(0, 2)).toEqual(['2 openai/x: ran -> cut', '7 openai/x: ran -> killed tokens']);
    expect(found.wouldBe).toMatchObject({ outcome: 'killed', reason: 'tokens', tokens: 140 });
  });

  test('a limit that comes first kills in the place of the one that did', () => {
    const past = played([turn([call('look')]), turn([call('look')]), ENDS], { toolCalls: 1 });
    expect(past.records.at(-2)).toMatchObject({ event: 'budget_exceeded', seq: 7 });
    const found = whatIf(past, rules({ toolCalls: 1, tokens: 300 }));
    expect(tell(found)).toEqual(['5 openai/x: ran -> killed tokens']);
    const model = whatIf(played(TWO_CALLS, { tokens: 300 }), rules({ usdNano: 500_000, tokens: null }));
    expect(tell(model)).toEqual(['7 openai/x: killed tokens -> killed usd']);
    expect(model.wouldBe).toMatchObject({ outcome: 'killed', reason: 'usd', seq: 7 });
  });

  test('a session that was killed would have gone on, and nobody knows how', () => {
    const found = whatIf(played(TWO_CALLS, { tokens: 300 }), rules());
    expect(tell(found)).toEqual(['7 openai/x: killed tokens -> ran']);
    expect(found.was).toMatchObject({ outcome: 'killed', reason: 'tokens', seq: 7 });
    expect(found.wouldBe).toEqual({ ...found.was, outcome: 'unknown', reason: null });
    expect(found.notes).toContain(
      'From record 7 on the session would have gone on: what then is not known, and not counted.',
    );
  });

  test('the calls of its last answer that were not tried are decided too', () => {
    const plan = [turn([call('look'), call('pay', 80), call('pay', 500), call('look'), call('look')]), ENDS];
    const past = played(plan, { toolCalls: 1 });
    const more = whatIf(past, rules({ toolCalls: 4 }));
    expect(tell(more)).toEqual([
      '4 pay: killed max_tool_calls -> ran',
      '4 pay: not_tried -> denied predicate_false',
      '4 look: not_tried -> ran',
      '4 look: not_tried -> ran',
    ]);
    expect(more.wouldBe).toMatchObject({ outcome: 'unknown', seq: 4, toolCalls: 4 });
    const two = whatIf(past, rules({ toolCalls: 2 }));
    expect(tell(two).at(-1)).toBe('4 look: not_tried -> killed max_tool_calls');
    expect(two.wouldBe).toMatchObject({ outcome: 'killed', reason: 'max_tool_calls', seq: 4, toolCalls: 2 });
  });

  test('more time: what the deadline stopped would have gone on', () => {
    const past = played(TWO_CALLS, { wallMs: 1_500 });
    expect(past.records.at(-1)).toMatchObject({ payload: { reason: 'wall_seconds' } });
    expect(whatIf(past, rules()).wouldBe).toMatchObject({ outcome: 'unknown', seq: 5 });
    expect(whatIf(past, rules({ wallMs: 1_500 })).wouldBe).toMatchObject({ outcome: 'killed', seq: 5 });
  });

  test('depth', () => {
    const past = played(TWO_CALLS);
    const [first, ...others] = past.records;
    if (first?.event !== 'session_started') throw new TypeError('no start');
    const deep = { ...first, payload: { ...first.payload, recursion_depth: 1 } };
    const found = whatIf({ ...past, records: [deep, ...others] }, rules());
    expect(found.wouldBe).toMatchObject({ outcome: 'killed', reason: 'max_recursion_depth', seq: 1, usdNano: 0 });
    const { wouldBe } = whatIf({ ...past, records: [deep, ...others] }, rules({ recursionDepth: 1 }));
    expect(wouldBe).toMatchObject({ outcome: 'answered' });
  });

  test('a session that would not have been opened has no calls', () => {
    const refusal = { code: 'CONTRACT_VERSION', why: 'The agent is at another version.' };
    const found = whatIf(played(TWO_CALLS), { ...rules(), refusal });
    expect(found.wouldBe).toEqual({
      outcome: 'not_opened',
      reason: 'CONTRACT_VERSION',
      seq: 0,
      usdNano: 0,
      tokens: 0,
      toolCalls: 0,
    });
    expect(found.differences.map(({ wouldBe }) => wouldBe.what)).toEqual(
      Array.from({ length: 4 }, () => 'not_happened'),
    );
    expect(found.notes).toEqual(['The session would not have been opened: The agent is at another version.']);
  });
});

test('no limits at all', () => {
  expect(whatIf(played(TWO_CALLS), rules(NO_LIMITS))).toMatchObject({ differences: [], notes: [] });
});
