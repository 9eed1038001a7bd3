import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { costNano } from '../../src/core/cost.ts';
import type { Usage } from '../../src/core/price.ts';
import { anyPrice, anyUsage, NO_USAGE, TIERED, tier } from './cost-fixtures.ts';

const CACHED: Usage = {
  ...NO_USAGE,
  inputTokens: 1_000,
  cacheReadTokens: 2_000,
  cacheWriteTokens: 300,
  cacheWrite1hTokens: 40,
  outputTokens: 500,
  reasoningTokens: 400,
};
// 1,000 x 2 + 2,000 x 0.2 + 300 x 2.5 + 40 x 4 + 500 x 10 = 2,000 + 400 + 750 + 160 + 5,000 micro-USD.
const CACHED_NANO = 8_310_000;

describe('costNano', () => {
  it.each<[string, Partial<Usage>, number]>([
    ['nothing', {}, 0],
    ['each kind at its own rate, reasoning not twice', CACHED, CACHED_NANO],
    ['at the threshold: the lower tier (200,000 x 2 USD/M)', { inputTokens: 200_000 }, 400_000_000],
    ['one above: all of it in the upper tier (200,001 x 4 USD/M)', { inputTokens: 200_001 }, 800_004_000],
    [
      'cache reads count for the tier, and output is repriced: 1 x 4 + 200,000 x 0.4 + 10 x 15 micro-USD',
      { inputTokens: 1, cacheReadTokens: 200_000, outputTokens: 10 },
      4_000 + 80_000_000 + 150_000,
    ],
    ['a fee for each search: 3 x 0.01 USD', { webSearches: 3 }, 30_000_000],
    ['half for flex', { ...CACHED, modifiers: { service_tier: 'flex' } }, CACHED_NANO / 2],
    ['1.1 for us', { ...CACHED, modifiers: { inference_geo: 'us' } }, 9_141_000],
    ['both: 8,310,000 x 0.5 x 1.1', { ...CACHED, modifiers: { service_tier: 'flex', inference_geo: 'us' } }, 4_570_500],
    [
      'fees are not multiplied: 4,155,000 + 10,000,000',
      { ...CACHED, webSearches: 1, modifiers: { service_tier: 'flex' } },
      14_155_000,
    ],
    [
      'neutral words change nothing',
      { ...CACHED, modifiers: { service_tier: 'standard', speed: 'standard', inference_geo: 'not_available' } },
      CACHED_NANO,
    ],
  ])('%s', (_, usage, usdNano) => {
    expect(costNano(TIERED, { ...NO_USAGE, ...usage })).toEqual({ usdNano });
  });

  it('rounds up, once for the call', () => {
    const cheap = { ...TIERED, tiers: [tier(0, 1, 1, 1, 1, 1)] };
    expect(costNano(cheap, { ...NO_USAGE, inputTokens: 1, outputTokens: 1 })).toEqual({ usdNano: 1 });
    expect(costNano(cheap, { ...NO_USAGE, inputTokens: 1_000 })).toEqual({ usdNano: 1 });
    expect(costNano(cheap, { ...NO_USAGE, inputTokens: 1_000, outputTokens: 1 })).toEqual({ usdNano: 2 });
  });

  it('is exact where floats are not: 0.000225 USD is 225,000 nano-USD', () => {
    const price = { ...TIERED, tiers: [tier(0, 75_000, 75_000, 75_000, 75_000, 5_000)] };
    expect(costNano(price, { ...NO_USAGE, inputTokens: 3_000 })).toEqual({ usdNano: 225_000 });
    expect(costNano(price, { ...NO_USAGE, outputTokens: 1 })).toEqual({ usdNano: 5 });
  });

  it.each<[string, Partial<Usage>, RegExp]>([
    [
      'an unknown tier of service',
      { modifiers: { service_tier: 'priority' } },
      /service_tier=priority.*tiered has no multiplier/,
    ],
    ['an unknown speed', { modifiers: { speed: 'fast' } }, /speed=fast/],
    ['an unknown field', { modifiers: { moon: 'full' } }, /moon=full/],
    ['a name of Object.prototype', { modifiers: { constructor: '' } }, /constructor=/],
    ['a fraction', { inputTokens: 0.5 }, /inputTokens is 0\.5/],
    ['a negative count', { outputTokens: -1 }, /outputTokens is -1/],
    ['more than 2^53 - 1 nano-USD', { outputTokens: 1e15 }, /more than can be counted/],
  ])('says why it can not price %s', (_, usage, reason) => {
    expect(costNano(TIERED, { ...NO_USAGE, ...usage })).toEqual({ unpriceable: expect.stringMatching(reason) });
  });

  it('has no guess for a search without a fee', () => {
    const cost = costNano({ ...TIERED, feesPicoUsd: {} }, { ...NO_USAGE, webSearches: 1 });
    expect(cost).toEqual({ unpriceable: expect.stringMatching(/no fee/) });
  });

  it('takes the fee of a request once, also when nothing was used', () => {
    const price = { ...TIERED, feesPicoUsd: { requests: 12_000_000_000 } };
    expect(costNano(price, NO_USAGE)).toEqual({ usdNano: 12_000_000 });
  });

  it('never falls when output grows', () => {
    fc.assert(
      fc.property(anyPrice, anyUsage, fc.nat(1_000), (price, usage, more) => {
        const less = costNano(price, usage);
        const later = costNano(price, { ...usage, outputTokens: usage.outputTokens + more });
        expect('usdNano' in less && 'usdNano' in later && less.usdNano <= later.usdNano).toBe(true);
      }),
    );
  });
});
