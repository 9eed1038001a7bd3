import type { ModelInfo } from '@pydantic/genai-prices';
import { calcPrice, findProvider } from '@pydantic/genai-prices';
import { describe, expect, it } from 'vitest';
import { costNano } from '../../src/core/cost.ts';
import type { ModelPrice, Usage } from '../../src/core/price.ts';
import { inputTokensOf } from '../../src/core/usage.ts';
import { freezePrice } from '../../src/pricing/freeze.ts';
import { priceTableSha256 } from '../../src/pricing/hash.ts';
import { NO_USAGE } from '../core/cost-fixtures.ts';

const AT = new Date('2026-11-20T00:00:00Z');

function frozen(provider: string, model: string, at = AT): ModelPrice {
  const price = freezePrice({ provider, model, at });
  if (price === null) throw new Error(`${provider}/${model} has no price`);
  return price;
}

function costOf(price: ModelPrice, usage: Partial<Usage>): unknown {
  return costNano(price, { ...NO_USAGE, ...usage });
}

describe('freezePrice, from the list', () => {
  it("Anthropic's worst case has no cache writes: no request of ours asks for one", () => {
    expect(frozen('anthropic', 'claude-sonnet-4-5')?.billedInput).toEqual(['input', 'cacheRead']);
  });

  it('gpt-5.4-mini: 0.75 in, 0.075 cached, 4.5 out', () => {
    expect(frozen('openai', 'gpt-5.4-mini')).toEqual({
      source: 'genai-prices',
      sourceVersion: '0.1.8',
      model: 'gpt-5.4-mini',
      tiers: [
        {
          aboveInputTokens: 0,
          inputPicoUsd: 750_000,
          cacheReadPicoUsd: 75_000,
          cacheWritePicoUsd: 750_000,
          cacheWrite1hPicoUsd: 750_000,
          outputPicoUsd: 4_500_000,
        },
      ],
      billedInput: ['input', 'cacheRead', 'cacheWrite', 'cacheWrite1h'],
      feesPicoUsd: { webSearches: 10_000_000_000 },
      multipliersPermille: {
        'service_tier=flex': 500,
        'service_tier=batch': 500,
        'service_tier=priority': 2000,
        'service_tier=fast': 2000,
      },
    });
  });

  it('claude-haiku-4-5: writes at 1.25 and 2 times the input, and its search fee', () => {
    const price = frozen('anthropic', 'claude-haiku-4-5-20251001');
    expect(price.tiers[0]).toMatchObject({
      cacheReadPicoUsd: 100_000,
      cacheWritePicoUsd: 1_250_000,
      cacheWrite1hPicoUsd: 2_000_000,
    });
    // 100 x 1 + 1,000 x 0.1 + 200 x 1.25 + 50 x 2 + 10 x 5 micro-USD, and 0.01 USD for the search.
    const usage = {
      inputTokens: 100,
      cacheReadTokens: 1_000,
      cacheWriteTokens: 200,
      cacheWrite1hTokens: 50,
      outputTokens: 10,
      webSearches: 1,
    };
    expect(costOf(price, usage)).toEqual({ usdNano: 600_000 + 10_000_000 });
  });

  it('gpt-5.5 switches at exactly 272,000 input tokens, cache included', () => {
    const price = frozen('openai', 'gpt-5.5');
    expect(price.tiers.map((tier) => tier.aboveInputTokens)).toEqual([0, 271_999]);
    // 271,999 x 5 and 272,000 x 10 micro-USD; output 30 and 45.
    expect(costOf(price, { inputTokens: 271_999, outputTokens: 1 })).toEqual({ usdNano: 1_359_995_000 + 30_000 });
    expect(costOf(price, { inputTokens: 272_000, outputTokens: 1 })).toEqual({ usdNano: 2_720_000_000 + 45_000 });
    expect(costOf(price, { inputTokens: 1, cacheReadTokens: 271_999 })).toEqual({ usdNano: 10_000 + 271_999_000 });
  });

  it('takes the price of the day: luna fell by 80 % on 2026-07-30', () => {
    const before = frozen('openai', 'gpt-5.6-luna', new Date('2026-07-29T23:59:59Z'));
    const after = frozen('openai', 'gpt-5.6-luna', new Date('2026-07-30T00:00:00Z'));
    expect([before.tiers[0]?.inputPicoUsd, after.tiers[0]?.inputPicoUsd]).toEqual([1_000_000, 200_000]);
  });

  it('fills what is not listed: gpt-5.4-pro has no cached price, claude-2 no caching', () => {
    expect(frozen('openai', 'gpt-5.4-pro').tiers[1]).toMatchObject({
      inputPicoUsd: 60_000_000,
      cacheReadPicoUsd: 60_000_000,
      cacheWrite1hPicoUsd: 60_000_000,
    });
    expect(frozen('anthropic', 'claude-2').tiers[0]).toMatchObject({
      cacheReadPicoUsd: 8_000_000,
      cacheWritePicoUsd: 10_000_000,
      cacheWrite1hPicoUsd: 16_000_000,
    });
  });

  it('takes a fee for each request where the list has one', () => {
    expect(frozen('perplexity', 'sonar').feesPicoUsd).toMatchObject({ requests: 12_000_000_000 });
  });

  it.each([
    ['openai', 'gpt-5.4-mini-2026-03-17', 'gpt-5.4-mini'],
    ['openai', 'gpt-5.6-sol-2026-08-21', 'gpt-5.6-sol'],
    ['openai', 'gpt-5.6', 'gpt-5.6-sol'],
    ['anthropic', 'claude-sonnet-4-5-20250929', 'claude-sonnet-4-5'],
    ['anthropic', 'claude-sonnet-4-5@20250929', 'claude-sonnet-4-5'],
    ['anthropic', 'claude-sonnet-4-20250514', 'claude-sonnet-4-0'],
    ['anthropic', 'claude-3-5-haiku-latest', 'claude-3-5-haiku-latest'],
  ])('%s/%s is %s', (provider, model, id) => {
    expect(frozen(provider, model).model).toBe(id);
  });

  it.each([
    ['a later model, which the list takes for claude-sonnet-5', 'anthropic', 'claude-sonnet-5-5'],
    ['and one with a date', 'anthropic', 'claude-sonnet-5-5-20261001'],
    ['a day that does not exist', 'anthropic', 'claude-sonnet-5-20269999'],
    ['a suffix', 'anthropic', 'claude-haiku-4-5-turbo'],
    ['a name in other letters', 'openai', 'GPT-5.5'],
    ['an unknown model', 'openai', 'gpt-99'],
    ['an unknown provider', 'nobody', 'gpt-5.5'],
    ['a provider whose name holds a known one', 'my-openai', 'gpt-5.5'],
    ["another provider's list", 'azure', 'claude-haiku-4-5'],
    ['a model without output', 'openai', 'text-embedding-3-small'],
    ['a model that is billed by the hour', 'openai', 'whisper-1'],
    ['prices that change with the time of day', 'deepseek', 'deepseek-chat'],
    ['reasoning that is priced apart', 'perplexity', 'sonar-deep-research'],
    ['a name of Object.prototype', 'openai', '__proto__'],
    ['no name', 'openai', ''],
  ])('has no price for %s', (_, provider, model) => {
    expect(freezePrice({ provider, model, at: AT })).toBeNull();
  });

  it('says which model has a price that is no decimal, and what to do', () => {
    const model = findProvider({ providerId: 'openrouter' })?.models.find(({ prices }) =>
      JSON.stringify(prices).includes('0.08333333333333334'),
    );
    expect(() => freezePrice({ provider: 'openrouter', model: model?.id ?? '', at: AT })).toThrow(
      /openrouter\/.*0\.0833.*in the contract file/,
    );
  });

  it('leaves out a multiplier that is not sure', () => {
    expect(frozen('openai', 'gpt-5.5').multipliersPermille).not.toHaveProperty('service_tier=priority');
    expect(frozen('anthropic', 'claude-sonnet-4-5').multipliersPermille).toEqual({ 'service_tier=batch': 500 });
    expect(frozen('anthropic', 'claude-opus-5-20260801').multipliersPermille).toEqual({
      'service_tier=batch': 500,
      'inference_geo=us': 1100,
    });
  });
});

describe('freezePrice, against the library', () => {
  const usages: Partial<Usage>[] = [
    { inputTokens: 1_234, outputTokens: 567 },
    {
      inputTokens: 100,
      cacheReadTokens: 150_000,
      cacheWriteTokens: 40_000,
      cacheWrite1hTokens: 9_900,
      outputTokens: 3,
    },
    ...[200_000, 200_001, 271_999, 272_000, 272_001, 900_000].map((inputTokens) => ({
      inputTokens,
      outputTokens: 8_000,
    })),
  ];

  it.each(['openai', 'anthropic', 'google', 'x-ai', 'mistral', 'groq', 'moonshotai'])(
    'costs the same for every model of %s',
    (provider) => {
      const models = findProvider({ providerId: provider })?.models ?? [];
      let compared = 0;
      for (const model of models) {
        const price = freezePrice({ provider, model: model.id, at: AT });
        if (price === null) continue;
        compared += 1;
        for (const usage of usages) expectSameCost(provider, model, price, { ...NO_USAGE, ...usage });
      }
      expect(compared).toBeGreaterThan(8);
    },
  );
});

describe('priceTableSha256', () => {
  it('does not depend on the order of keys, and does on a price', () => {
    const price = frozen('openai', 'gpt-5.4-mini');
    const turned = Object.fromEntries(Object.entries(price).toReversed()) as unknown as ModelPrice;
    expect(priceTableSha256(turned)).toBe(priceTableSha256(price));
    expect(priceTableSha256(price)).toMatch(/^[0-9a-f]{64}$/);
    expect(priceTableSha256({ ...price, feesPicoUsd: {} })).not.toBe(priceTableSha256(price));
  });
});

/** The library works in floats: the same to a nano-USD and a billionth. */
function expectSameCost(provider: string, model: ModelInfo, price: ModelPrice, usage: Usage): void {
  const listed = calcPrice(
    {
      input_tokens: inputTokensOf(usage),
      output_tokens: usage.outputTokens,
      cache_read_tokens: usage.cacheReadTokens,
      cache_write_tokens: usage.cacheWriteTokens + usage.cacheWrite1hTokens,
      cache_write_1h_tokens: usage.cacheWrite1hTokens,
    },
    model.id,
    { providerId: provider, timestamp: AT },
  );
  // The library counts a kind of cache that a model has no rate for as plain input. So do we, but for Anthropic's writes.
  if (provider === 'anthropic' && listed?.model_price['cache_write_mtok'] === undefined && usage.cacheWriteTokens > 0)
    return;
  const expected = (listed?.total_price ?? Number.NaN) * 1e9;
  const cost = costNano(price, usage);
  const actual = 'usdNano' in cost ? cost.usdNano : Number.NaN;
  expect(Math.abs(actual - expected), `${model.id}: ${actual} and ${expected}`).toBeLessThanOrEqual(
    1 + expected * 1e-9,
  );
}
