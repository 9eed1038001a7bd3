import { describe, expect, test } from 'vitest';
import { type OtherRules, rulesWith } from '../../src/audit/what-if-rules.ts';
import type { Grant } from '../../src/core/contract.ts';
import { lowerGrant } from '../../src/core/limits.ts';
import type { LimitsInput } from '../../src/core/start-input.ts';
import { contractOf, priceOf } from './plans.ts';

const CONTRACT = contractOf({ usdNano: 1e9, tokens: 1_000, wallMs: 60_000, toolCalls: null, recursionDepth: 0 });

function rules(asked: LimitsInput, other: OtherRules, version?: string): ReturnType<typeof rulesWith> {
  const input = { agent: 'bot', user: 'ann', input: 'x', limits: asked, ...(version ? { version } : {}) };
  const opened = { contract: CONTRACT, grant: lowerGrant(CONTRACT.limits, asked) };
  return rulesWith({ input, opened }, other, {});
}

describe('the grant', () => {
  test.each<[string, LimitsInput, OtherRules, Partial<Grant>]>([
    ['as it was', { usd: 0.5 }, {}, { usdNano: 5e8, tokens: 1_000 }],
    ['other limits replace what the start asked for', { usd: 0.5 }, { limits: { usd: 0.8 } }, { usdNano: 8e8 }],
    ['and may be above the contract', {}, { limits: { usd: 7, wallSeconds: 0.5 } }, { usdNano: 7e9, wallMs: 500 }],
    ['or none', {}, { limits: { tokens: null, maxToolCalls: 3 } }, { tokens: null, toolCalls: 3 }],
    [
      'of another contract, lowered by the start',
      { usd: 0.5 },
      { contract: { ...CONTRACT, limits: { ...CONTRACT.limits, usdNano: 9e8, tokens: 10 } } },
      { usdNano: 5e8, tokens: 10 },
    ],
  ])('%s', (_name, asked, other, grant) => {
    expect(rules(asked, other)).toMatchObject({ grant, refusal: null });
  });
});

test('a start that asks for more than the other contract has is refused, unless that limit is another anyhow', () => {
  const contract = { ...CONTRACT, limits: { ...CONTRACT.limits, usdNano: 4e8 } };
  expect(rules({ usd: 0.5 }, { contract }).refusal).toMatchObject({ code: 'LIMIT_ABOVE_CONTRACT' });
  expect(rules({ usd: 0.5 }, { contract, limits: { usd: 0.3 } })).toMatchObject({
    refusal: null,
    grant: { usdNano: 3e8 },
  });
});

test('a start that asked for a version is refused by another', () => {
  const contract = { ...CONTRACT, version: 'v2' };
  expect(rules({}, { contract }, 'v1').refusal).toMatchObject({ code: 'CONTRACT_VERSION' });
  expect(rules({}, { contract }).refusal).toBeNull();
  expect(rules({}, {}, 'v1').refusal).toBeNull();
});

test('a price replaces that of either contract, and an unknown one too', () => {
  expect(rules({}, { price: priceOf(1) }).contract.model.price).toEqual(priceOf(1));
  expect(rules({}, { contract: CONTRACT, price: null }).contract.model.price).toBeNull();
  expect(rules({}, {}).contract.model.price).toEqual(CONTRACT.model.price);
});
