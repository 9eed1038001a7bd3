import { describe, expect, test } from 'vitest';
import {
  againAfterFailure,
  againAfterSummary,
  isCompactionDue,
  limitTokens,
  type TalkSize,
} from '../../src/core/context-rule.ts';

/** A limit of 80,000 tokens. */
const RULE = { windowTokens: 100_000, compactPermille: 800 };
const size = (boundTokens: number, more: Partial<TalkSize> = {}): TalkSize => ({
  boundTokens,
  keptTokens: 0,
  againAboveTokens: 0,
  ...more,
});

test('the limit is a part of the window', () => {
  expect(limitTokens(RULE)).toBe(80_000);
  expect(limitTokens({ windowTokens: 1_000, compactPermille: 1_000 })).toBe(1_000);
});

describe('a conversation is compacted', () => {
  test.each<[string, TalkSize, boolean]>([
    ['not below the limit', size(79_999), false],
    ['not at the limit', size(80_000), false],
    ['above the limit', size(80_001), true],
    ['also far above the window', size(1_000_000), true],
    ['not where nearly all of it is what a person just said', size(90_000, { keptTokens: 70_001 }), false],
    ['where a quarter of the limit would go', size(90_000, { keptTokens: 70_000 }), true],
    ['not again at the size at which a summary failed', size(85_000, { againAboveTokens: 95_000 }), false],
    ['again when it has grown', size(95_001, { againAboveTokens: 95_000 }), true],
    ['not below the limit, whatever failed before', size(70_000, { againAboveTokens: 60_000 }), false],
  ])('%s', (_what, given, due) => {
    expect(isCompactionDue(RULE, given)).toBe(due);
  });
});

describe('a summary is not made twice for nothing', () => {
  test('after one that failed it must have grown by an eighth of the limit', () => {
    expect(againAfterFailure(RULE, 81_000)).toBe(91_000);
  });

  test.each<[string, number, number]>([
    ['one that helped leaves the limit as it is', 5_000, 0],
    ['one that left an eighth of the limit free', 70_000, 0],
    ['one that left less', 70_001, 80_001],
    ['one that did not help', 90_000, 100_000],
  ])('%s', (_what, counted, again) => {
    expect(againAfterSummary(RULE, counted)).toBe(again);
  });

  test('whatever was counted, the next one comes after an eighth of the limit at the earliest', () => {
    for (let counted = 0; counted < 200_000; counted += 997) {
      const againAboveTokens = againAfterSummary(RULE, counted);
      expect(isCompactionDue(RULE, size(counted + 10_000 - 1, { againAboveTokens }))).toBe(false);
    }
  });
});
