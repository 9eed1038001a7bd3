import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { costNano } from '../../src/core/cost.ts';
import type { UncheckedUsage } from '../../src/core/usage.ts';
import { checkUsage, totalTokens } from '../../src/core/usage.ts';
import { worstCaseNano } from '../../src/core/worst-case.ts';
import { anyPrice, anyUsage, asBilled, NO_USAGE } from './cost-fixtures.ts';

const BOUND = { inputTokens: 100, outputTokens: 50 };

describe('checkUsage', () => {
  it.each<[string, UncheckedUsage]>([
    ['nothing', {}],
    [
      'the whole bound, of all kinds',
      { inputTokens: 40, cacheReadTokens: 30, cacheWriteTokens: 20, cacheWrite1hTokens: 10, outputTokens: 50 },
    ],
    ['all output reasoned', { outputTokens: 50, reasoningTokens: 50 }],
  ])('passes %s', (_, usage) => {
    expect(checkUsage({ ...NO_USAGE, ...usage }, BOUND)).toBe('ok');
  });

  it.each<[string, UncheckedUsage, RegExp]>([
    ['a count that is not there', { inputTokens: undefined }, /inputTokens is undefined/],
    ['a text', { inputTokens: '12' }, /inputTokens is "12"/],
    ['NaN', { outputTokens: Number.NaN }, /outputTokens is NaN/],
    ['a fraction', { cacheReadTokens: 0.1 }, /cacheReadTokens is 0\.1/],
    ['a negative count', { cacheWrite1hTokens: -1 }, /cacheWrite1hTokens is -1/],
    ['2^53', { outputTokens: 2 ** 53 }, /outputTokens is 9007199254740992/],
    ['an object', { webSearches: {} }, /webSearches is no number/],
    ['more reasoning than output', { outputTokens: 4, reasoningTokens: 5 }, /5 reasoning tokens.*4 output/],
    [
      'one input token too many, cache included',
      { inputTokens: 50, cacheReadTokens: 51 },
      /101 input tokens.*at most 100/,
    ],
    ['one output token too many', { outputTokens: 51 }, /51 output tokens.*allowed 50/],
    ['a search that was not declared', { webSearches: 1 }, /1 web searches/],
  ])('refuses %s', (_, usage, reason) => {
    expect(checkUsage({ ...NO_USAGE, ...usage }, BOUND)).toEqual({ impossible: expect.stringMatching(reason) });
  });

  it('what it passes costs at most the worst case', () => {
    fc.assert(
      fc.property(anyPrice, anyUsage, fc.nat(4_000), fc.nat(5_000), (price, any, inputTokens, outputTokens) => {
        const usage = asBilled(price, any);
        const bound = { inputTokens, outputTokens };
        fc.pre(checkUsage(usage, bound) === 'ok');
        const cost = costNano(price, usage);
        expect('usdNano' in cost && cost.usdNano <= worstCaseNano(price, bound)).toBe(true);
      }),
    );
  });
});

it('totalTokens counts all input and all output, reasoning once', () => {
  const usage = { ...NO_USAGE, inputTokens: 1, cacheReadTokens: 20, cacheWriteTokens: 300, cacheWrite1hTokens: 4_000 };
  expect(totalTokens({ ...usage, outputTokens: 50_000, reasoningTokens: 40_000 })).toBe(54_321);
});
