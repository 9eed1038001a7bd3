import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { costNano } from '../../src/core/cost.ts';
import type { ModelPrice, RateTier } from '../../src/core/price.ts';
import { inputTokensOf } from '../../src/core/usage.ts';
import { outputTokensFor, worstCaseNano } from '../../src/core/worst-case.ts';
import { anyPrice, anyUsage, asBilled, NO_USAGE, TIERED, tier } from './cost-fixtures.ts';

const slack = fc.oneof(fc.constant(0), fc.nat(3_000));

describe('worstCaseNano', () => {
  it.each<[string, number, number, number]>([
    ['nothing', 0, 0, 0],
    ['the dearest input, an hour of cache: 1,000 x 4 + 100 x 10 micro-USD', 1_000, 100, 5_000_000],
    ['at the threshold: 200,000 x 4 micro-USD', 200_000, 0, 800_000_000],
    ['above it: 200,001 x 8 + 10 x 15 micro-USD', 200_001, 10, 1_600_008_000 + 150_000],
  ])('%s', (_, inputTokens, outputTokens, nano) => {
    expect(worstCaseNano(TIERED, { inputTokens, outputTokens })).toBe(nano);
  });

  it('looks at tiers below too, where more input is cheaper', () => {
    const price = { ...TIERED, tiers: [tier(0, 10_000, 0, 0, 0, 7_000), tier(100, 1_000, 0, 0, 0, 1_000)] };
    expect(worstCaseNano(price, { inputTokens: 101, outputTokens: 1 })).toBe(1_007);
  });

  it('stops at 2^53 - 1', () => {
    expect(worstCaseNano(TIERED, { inputTokens: 0, outputTokens: 1e15 })).toBe(Number.MAX_SAFE_INTEGER);
  });

  it.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])('refuses a bound of %s', (bad) => {
    expect(() => worstCaseNano(TIERED, { inputTokens: bad, outputTokens: 0 })).toThrow(/inputTokens/);
    expect(() => worstCaseNano(TIERED, { inputTokens: 0, outputTokens: bad })).toThrow(/outputTokens/);
  });

  it('bounds every usage within it', () => {
    fc.assert(
      fc.property(anyPrice, anyUsage, slack, slack, (price, any, moreInput, moreOutput) => {
        const usage = asBilled(price, any);
        const cost = costNano(price, usage);
        const bound = { inputTokens: inputTokensOf(usage) + moreInput, outputTokens: usage.outputTokens + moreOutput };
        expect('usdNano' in cost && cost.usdNano <= worstCaseNano(price, bound)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it('is reached by a usage within it', () => {
    fc.assert(
      fc.property(anyPrice, fc.nat(3_000), fc.nat(3_000), (price, inputTokens, outputTokens) => {
        const reached = price.tiers.flatMap((row, index) =>
          dearestUsages(price, row, index, inputTokens, outputTokens),
        );
        expect(Math.max(...reached)).toBe(worstCaseNano(price, { inputTokens, outputTokens }));
      }),
    );
  });
});

describe('outputTokensFor', () => {
  it.each<[string, number, number, number]>([
    ['5 milli-USD less 4 for the input is 100 tokens', 1_000, 5_000_000, 100],
    ['one nano-USD less is one token less', 1_000, 4_999_999, 99],
    ['the input alone fits', 1_000, 4_000_000, 0],
    ['the input does not fit', 1_000, 3_999_999, -1],
    ['a zero budget and no input', 0, 0, 0],
    ['no limit', 1_000, Number.POSITIVE_INFINITY, Number.MAX_SAFE_INTEGER],
    ['an overdrawn budget', 0, -1, -1],
  ])('%s', (_, inputTokens, usdNano, tokens) => {
    expect(outputTokensFor(TIERED, { inputTokens, usdNano })).toBe(tokens);
  });

  it('is without bound where output is free', () => {
    const free = { ...TIERED, tiers: [tier(0, 0, 0, 0, 0, 0)] };
    expect(outputTokensFor(free, { inputTokens: 1_000, usdNano: 0 })).toBe(Number.MAX_SAFE_INTEGER);
  });

  it('is the inverse of worstCaseNano', () => {
    fc.assert(
      fc.property(anyPrice, fc.nat(3_000), fc.nat(2_000_000_000), (price, inputTokens, usdNano) => {
        const most = outputTokensFor(price, { inputTokens, usdNano });
        if (most >= 0) expect(worstCaseNano(price, { inputTokens, outputTokens: most })).toBeLessThanOrEqual(usdNano);
        if (most < Number.MAX_SAFE_INTEGER) {
          expect(worstCaseNano(price, { inputTokens, outputTokens: most + 1 })).toBeGreaterThan(usdNano);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('gives back the cap that a worst case was computed for', () => {
    fc.assert(
      fc.property(anyPrice, fc.nat(3_000), fc.nat(100_000), (price, inputTokens, outputTokens) => {
        const usdNano = worstCaseNano(price, { inputTokens, outputTokens });
        expect(outputTokensFor(price, { inputTokens, usdNano })).toBeGreaterThanOrEqual(outputTokens);
      }),
    );
  });
});

/** What the dearest usages cost that stay in one tier: all its input of one kind. */
function dearestUsages(
  price: ModelPrice,
  row: RateTier,
  index: number,
  inputTokens: number,
  outputTokens: number,
): number[] {
  const most = Math.min(inputTokens, price.tiers[index + 1]?.aboveInputTokens ?? inputTokens);
  if (index > 0 && most <= row.aboveInputTokens) return [];
  return price.billedInput.map((kind) => {
    const cost = costNano(price, { ...NO_USAGE, [`${kind}Tokens`]: most, outputTokens });
    return 'usdNano' in cost ? cost.usdNano : Number.NaN;
  });
}
