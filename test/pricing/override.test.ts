import { describe, expect, it } from 'vitest';
import { costNano } from '../../src/core/cost.ts';
import { picoPerToken, picoPerUse, scaleDecimal } from '../../src/pricing/decimal.ts';
import { freezePrice } from '../../src/pricing/freeze.ts';
import type { PriceOverride } from '../../src/pricing/override.ts';
import { NO_USAGE } from '../core/cost-fixtures.ts';

function overridden(provider: string, overrides: PriceOverride) {
  return freezePrice({ provider, model: 'm', at: new Date(0), overrides });
}

describe('a price in the contract file', () => {
  it('goes before the list, and has no multipliers', () => {
    expect(
      freezePrice({
        provider: 'openai',
        model: 'gpt-5.5',
        at: new Date(0),
        overrides: { inputUsdPerMillion: 0.1, outputUsdPerMillion: 0.3 },
      }),
    ).toEqual({
      source: 'aegrail.yaml',
      sourceVersion: '1',
      model: 'gpt-5.5',
      tiers: [
        {
          aboveInputTokens: 0,
          inputPicoUsd: 100_000,
          cacheReadPicoUsd: 100_000,
          cacheWritePicoUsd: 100_000,
          cacheWrite1hPicoUsd: 100_000,
          outputPicoUsd: 300_000,
        },
      ],
      billedInput: ['input', 'cacheRead', 'cacheWrite', 'cacheWrite1h'],
      feesPicoUsd: {},
      multipliersPermille: {},
    });
  });

  it('may be nothing: a local model costs nothing', () => {
    const price = overridden('ollama', { inputUsdPerMillion: 0, outputUsdPerMillion: 0 });
    expect(price && costNano(price, { ...NO_USAGE, inputTokens: 5_000, outputTokens: 900 })).toEqual({ usdNano: 0 });
  });

  it('holds cache rates and a fee of the request', () => {
    const price = overridden('here', {
      inputUsdPerMillion: 1,
      outputUsdPerMillion: 2,
      cacheReadUsdPerMillion: 0.05,
      cacheWriteUsdPerMillion: 1.5,
      requestUsd: 0.005,
    });
    const usage = {
      ...NO_USAGE,
      inputTokens: 1,
      cacheReadTokens: 1,
      cacheWriteTokens: 1,
      cacheWrite1hTokens: 1,
      outputTokens: 1,
    };
    // 1 + 0.05 + 1.5 + 1.5 + 2 micro-USD and 5 milli-USD.
    expect(price && costNano(price, usage)).toEqual({ usdNano: 6_050 + 5_000_000 });
  });

  it.each<[string, Partial<PriceOverride>]>([
    ['a negative price', { inputUsdPerMillion: -1 }],
    ['a negative fee', { requestUsd: -0.1 }],
    ['NaN', { outputUsdPerMillion: Number.NaN }],
    ['Infinity', { cacheReadUsdPerMillion: Number.POSITIVE_INFINITY }],
    ['a seventh decimal', { cacheWriteUsdPerMillion: 0.0000001 }],
  ])('refuses %s', (_, wrong) => {
    expect(() => overridden('here', { inputUsdPerMillion: 1, outputUsdPerMillion: 1, ...wrong })).toThrow(RangeError);
  });
});

describe('scaleDecimal', () => {
  it.each([
    [0.075, 6, 75_000],
    [0.005, 6, 5_000],
    [3.125, 6, 3_125_000],
    [600, 6, 600_000_000],
    [0.000001, 6, 1],
    [1e-7, 7, 1],
    [1e21, 6, null],
    [0.1, 0, null],
    [-0.5, 6, null],
  ])('%s by 10^%s is %s', (amount, power, product) => {
    if (product === null) expect(() => scaleDecimal(amount, power)).toThrow(RangeError);
    else expect(scaleDecimal(amount, power)).toBe(product);
  });

  it('10 USD for a thousand searches is 0.01 USD each; 1.1 USD/M is 1,100,000 pico-USD a token', () => {
    expect(picoPerUse(10)).toBe(10_000_000_000);
    expect(picoPerToken(1.1)).toBe(1_100_000);
  });
});
