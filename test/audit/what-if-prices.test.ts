import { describe, expect, test } from 'vitest';
import { whatIf } from '../../src/audit/what-if.ts';
import { priceOf } from './plans.ts';
import { call, ENDS, played, PRICE, rules, tell, turn, TURN_NANO, TWO_CALLS } from './what-if-kit.ts';

describe('other prices', () => {
  test('twice the price is twice the cost, call by call', () => {
    const found = whatIf(played(TWO_CALLS), rules({}, { price: priceOf(1_500_000) }));
    expect(tell(found)).toEqual(['2 openai/x: ran -> ran', '8 openai/x: ran -> ran']);
    expect(found.differences.map(({ was, wouldBe }) => [was.usdNano, wouldBe.usdNano])).toEqual([
      [TURN_NANO, 2 * TURN_NANO],
      [TURN_NANO, 2 * TURN_NANO],
    ]);
    expect(found.wouldBe).toEqual({ ...found.was, usdNano: 4 * TURN_NANO });
  });

  test('and what was posted at its reservation is twice that', () => {
    const past = played([turn([], { usage: 'missing', failures: ['unknown', 'not_started'] })]);
    const found = whatIf(past, rules({}, { price: priceOf(1_500_000) }));
    expect(found.differences.map(({ seq, why }) => [seq, why])).toEqual([
      [2, 'posted at its reservation'],
      [6, 'posted at its reservation'],
    ]);
    expect(found.wouldBe.usdNano).toBe(2 * found.was.usdNano);
  });

  test('a dearer model meets the limit', () => {
    const found = whatIf(
      played(TWO_CALLS, { usdNano: 800_000 }),
      rules({ usdNano: 800_000 }, { price: priceOf(1_500_000) }),
    );
    expect(found.wouldBe).toEqual({
      outcome: 'killed',
      reason: 'usd',
      seq: 7,
      usdNano: 2 * TURN_NANO,
      tokens: 150,
      toolCalls: 2,
    });
  });

  test('a price that nobody knows kills where there is a usd limit, and is nothing where there is none', () => {
    const found = whatIf(played(TWO_CALLS), rules({}, { price: null }));
    expect(found.wouldBe).toMatchObject({ outcome: 'killed', reason: 'usd', seq: 1, usdNano: 0 });
    expect(found.differences[0]?.why).toContain('The price of openai/x is not known');
    expect(whatIf(played(TWO_CALLS), rules({ usdNano: null }, { price: null })).wouldBe).toMatchObject({
      outcome: 'answered',
      usdNano: 0,
    });
  });

  test('a count that can not be priced kills; with a price for it, the session would have gone on', () => {
    const odd = [turn([call('look')], { usage: 'unpriceable' }), ENDS];
    const known = { ...PRICE, multipliersPermille: { 'service_tier=unheard-of': 1_000 } };
    const ran = played(odd, {}, known);
    const killed = whatIf(ran, rules());
    expect(tell(killed)).toEqual([
      '2 openai/x: ran -> killed usd',
      '3 look: ran -> not_happened',
      '5 openai/x: ran -> not_happened',
    ]);
    expect(killed.differences[0]?.why).toContain('service_tier=unheard-of');
    const past = played(odd);
    expect(past.records.at(-1)).toMatchObject({ payload: { outcome: 'killed', reason: 'usd' } });
    const found = whatIf(past, rules({}, { price: known }));
    expect(tell(found)).toEqual([
      '2 openai/x: ran -> ran',
      '3 openai/x: killed usd -> ran',
      '3 look: not_tried -> ran',
    ]);
    expect(found.wouldBe).toMatchObject({ outcome: 'unknown', seq: 3, usdNano: TURN_NANO, toolCalls: 1 });
    const last = whatIf(played([turn([], { usage: 'unpriceable' })]), rules({}, { price: known }));
    expect(last.wouldBe).toMatchObject({ outcome: 'answered', usdNano: TURN_NANO });
  });
});
