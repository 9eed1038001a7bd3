import * as fc from 'fast-check';
import type { InputKind, ModelPrice, RateTier, Usage } from '../../src/core/price.ts';

export const NO_USAGE: Usage = {
  inputTokens: 0,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  cacheWrite1hTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
  webSearches: 0,
  modifiers: {},
};

/** 2 USD in, 10 USD out per million, Anthropic-like caching; twice and 1.5 times that above 200,000. */
export const TIERED: ModelPrice = {
  source: 'test',
  sourceVersion: '1',
  model: 'tiered',
  tiers: [
    tier(0, 2_000_000, 200_000, 2_500_000, 4_000_000, 10_000_000),
    tier(200_000, 4_000_000, 400_000, 5_000_000, 8_000_000, 15_000_000),
  ],
  billedInput: ['input', 'cacheRead', 'cacheWrite', 'cacheWrite1h'],
  feesPicoUsd: { webSearches: 10_000_000_000 },
  multipliersPermille: { 'service_tier=flex': 500, 'inference_geo=us': 1100 },
};

export function tier(
  aboveInputTokens: number,
  inputPicoUsd: number,
  cacheReadPicoUsd: number,
  cacheWritePicoUsd: number,
  cacheWrite1hPicoUsd: number,
  outputPicoUsd: number,
): RateTier {
  return { aboveInputTokens, inputPicoUsd, cacheReadPicoUsd, cacheWritePicoUsd, cacheWrite1hPicoUsd, outputPicoUsd };
}

/** Any price table: rates from nothing to 600 USD per million, up to four tiers, dearer or cheaper as they go up. */
export const anyPrice: fc.Arbitrary<ModelPrice> = fc
  .record({
    thresholds: fc.uniqueArray(fc.integer({ min: 1, max: 2_000 }), { maxLength: 3 }),
    rates: fc.array(fc.tuple(rate(), rate(), rate(), rate(), rate()), { minLength: 4, maxLength: 4 }),
    billedInput: fc
      .subarray(['cacheRead', 'cacheWrite', 'cacheWrite1h'] as const)
      .map((kinds): readonly InputKind[] => ['input', ...kinds]),
    requestFee: fc.option(fc.nat(20_000_000_000), { nil: undefined }),
  })
  .map(({ thresholds, rates, billedInput, requestFee }): ModelPrice => {
    const rows = [0, ...thresholds.toSorted((a, b) => a - b)];
    const fees: Record<string, number> = requestFee === undefined ? {} : { requests: requestFee };
    return {
      ...TIERED,
      billedInput,
      tiers: rows.map((above, index) => tier(above, ...rates[index]!)),
      feesPicoUsd: fees,
    };
  });

/** Any usage of small counts, so that tier thresholds are met often, billed at the table's rates. */
export const anyUsage: fc.Arbitrary<Usage> = fc.record({
  inputTokens: fc.nat(1_000),
  cacheReadTokens: fc.nat(1_000),
  cacheWriteTokens: fc.nat(1_000),
  cacheWrite1hTokens: fc.nat(1_000),
  outputTokens: fc.nat(5_000),
  reasoningTokens: fc.constant(0),
  webSearches: fc.constant(0),
  modifiers: fc.constantFrom<Record<string, string>>(
    {},
    { service_tier: 'default' },
    { speed: 'standard', inference_geo: 'global' },
  ),
});

function rate(): fc.Arbitrary<number> {
  return fc.oneof(fc.nat(20), fc.nat(600_000_000));
}

/** The same usage as a provider could bill it at these prices: what it can't bill apart is plain input. */
export function asBilled({ billedInput }: ModelPrice, usage: Usage): Usage {
  const unbilled = (['cacheRead', 'cacheWrite', 'cacheWrite1h'] as const).filter((kind) => !billedInput.includes(kind));
  return unbilled.reduce(
    (moved, kind) => ({ ...moved, inputTokens: moved.inputTokens + moved[`${kind}Tokens`], [`${kind}Tokens`]: 0 }),
    usage,
  );
}
