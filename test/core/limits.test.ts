import { describe, expect, test } from 'vitest';
import type { Grant } from '../../src/core/contract.ts';
import {
  atMost,
  DEFAULT_WALL_SECONDS,
  grantFromFile,
  limitsInput,
  lowerGrant,
  lowerOf,
} from '../../src/core/limits.ts';
import type { LimitsInput } from '../../src/core/start-input.ts';
import { grantOf, wireLimits } from '../../src/core/session-state.ts';

const GRANT: Grant = { usdNano: 500_000_000, tokens: 20_000, wallMs: 3_600_000, toolCalls: null, recursionDepth: 2 };

test('limits of a file are a grant, and what is left out is not limited', () => {
  expect(grantFromFile({ usd: 0.5, tokens: 20_000, wallSeconds: 3_600, maxRecursionDepth: 2 })).toEqual(GRANT);
  expect(grantFromFile({ usd: 0 })).toEqual({
    usdNano: 0,
    tokens: null,
    wallMs: DEFAULT_WALL_SECONDS * 1000,
    toolCalls: null,
    recursionDepth: 0,
  });
});

describe('a start can only lower', () => {
  test.each<[LimitsInput, Partial<Grant>]>([
    [{}, {}],
    [{ usd: 0.25 }, { usdNano: 250_000_000 }],
    [{ usd: 0.5, tokens: 20_000 }, {}],
    [{ tokens: 0 }, { tokens: 0 }],
    [{ wallSeconds: 0.5 }, { wallMs: 500 }],
    [{ maxToolCalls: 7 }, { toolCalls: 7 }],
    [{ maxRecursionDepth: 0 }, { recursionDepth: 0 }],
  ])('%j', (asked, changed) => {
    expect(lowerGrant(GRANT, asked)).toEqual({ ...GRANT, ...changed });
  });

  test.each<[LimitsInput, string]>([
    [{ usd: 0.500000001 }, "limits.usd is 0.500000001, above the contract's 0.5"],
    [{ tokens: 20_001 }, "limits.tokens is 20001, above the contract's 20000"],
    [{ wallSeconds: 3_600.001 }, "limits.wallSeconds is 3600.001, above the contract's 3600"],
    [{ maxRecursionDepth: 3 }, "limits.maxRecursionDepth is 3, above the contract's 2"],
  ])('%j is refused', (asked, message) => {
    expect(() => lowerGrant(GRANT, asked)).toThrow(message);
  });
});

describe('the lower of two', () => {
  const none: Grant = { usdNano: null, tokens: null, wallMs: 1_500, toolCalls: null, recursionDepth: 1 };
  test.each<[string, Grant, Grant, Grant]>([
    ['no limit is above any, from either side', none, GRANT, { ...GRANT, wallMs: 1_500, recursionDepth: 1 }],
    ['nothing is limited', none, none, none],
    ['zero is a limit', GRANT, { ...GRANT, usdNano: 0, toolCalls: 0 }, { ...GRANT, usdNano: 0, toolCalls: 0 }],
    [
      'what no double of USD can say',
      { ...GRANT, usdNano: Number.MAX_SAFE_INTEGER },
      { ...none, usdNano: Number.MAX_SAFE_INTEGER - 1 },
      { ...GRANT, usdNano: Number.MAX_SAFE_INTEGER - 1, wallMs: 1_500, recursionDepth: 1 },
    ],
  ])('%s', (_, a, b, low) => {
    expect(lowerOf(a, b)).toEqual(low);
    expect(lowerOf(b, a)).toEqual(low);
  });

  test.each<[LimitsInput, Partial<Grant>]>([
    [{}, {}],
    [
      { usd: 0.25, tokens: 1, wallSeconds: 0.5 },
      { usdNano: 250_000_000, tokens: 1, wallMs: 500 },
    ],
    [{ usd: 9, tokens: 90_000, wallSeconds: 4_000, maxRecursionDepth: 3 }, {}],
    [
      { maxToolCalls: 7, maxRecursionDepth: 0 },
      { toolCalls: 7, recursionDepth: 0 },
    ],
  ])('at most %j', (limits, changed) => {
    expect(atMost(GRANT, limits)).toEqual({ ...GRANT, ...changed });
  });
});

test('a grant survives the wire and the way back to a user', () => {
  expect(grantOf(wireLimits(GRANT))).toEqual(GRANT);
  expect(grantFromFile(limitsInput(GRANT))).toEqual(GRANT);
});
