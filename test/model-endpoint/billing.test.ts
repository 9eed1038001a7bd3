import { expect, it } from 'vitest';
import { billUsdNano, type BilledCall } from '../../src/model-endpoint/billing.ts';

function call(inputTokens: number, cachedTokens: number, outputTokens: number): BilledCall {
  return {
    at: '2026-11-23T00:00:00.000Z',
    protocol: 'openai',
    model: 'm',
    requestNumber: 1,
    inputTokens,
    cachedTokens,
    outputTokens,
    status: 200,
    aborted: false,
    requestBytes: 1,
    maxOutputTokens: 1,
  };
}

it('sums in integers, each call rounded up to a nano-USD', () => {
  const prices = { inputUsdPerMillion: 0.0005, outputUsdPerMillion: 2, cachedInputUsdPerMillion: 0.0001 };
  // 500 pico-USD an input token, 100 a cached one, 2,000,000 an output token.
  expect(billUsdNano([call(1, 0, 0)], prices)).toBe(1);
  expect(billUsdNano([call(1, 0, 0), call(1, 0, 0)], prices)).toBe(2);
  expect(billUsdNano([call(12, 10, 3)], prices)).toBe(6002);
  expect(billUsdNano([], prices)).toBe(0);
});

it('bills cached input as input when no price is given for it', () => {
  expect(billUsdNano([call(10, 10, 0)], { inputUsdPerMillion: 1, outputUsdPerMillion: 1 })).toBe(10_000);
});

it.each([-1, Number.NaN, Number.POSITIVE_INFINITY, 1e-7])('refuses the price %s', (price) => {
  expect(() => billUsdNano([], { inputUsdPerMillion: price, outputUsdPerMillion: 1 })).toThrow(RangeError);
});
