import { describe, expect, test } from 'vitest';
import type { Grant } from '../../src/core/contract.ts';
import { type Amounts, NOTHING, openLedger, post, remaining, reserve, shortageOf } from '../../src/core/ledger.ts';

const GRANT: Grant = { usdNano: 1_000, tokens: 100, wallMs: 10_000, toolCalls: 2, recursionDepth: 1 };
const START_MS = 1_000_000;

const wanting = (amounts: Partial<Amounts>, depth = 0, untilMs = START_MS + 10_000) => ({
  amounts: { ...NOTHING, ...amounts },
  untilMs,
  depth,
});

describe('what fits', () => {
  const ledger = openLedger(GRANT, START_MS, 0);
  test.each([
    ['all of the usd', wanting({ usdNano: 1_000 }), 0, null],
    ['one nano-USD more', wanting({ usdNano: 1_001 }), 0, { reason: 'usd', needed: 1_001, remaining: 1_000 }],
    ['one token more', wanting({ tokens: 101 }), 0, { reason: 'tokens', needed: 101, remaining: 100 }],
    ['a third tool call', wanting({ toolCalls: 3 }), 0, { reason: 'max_tool_calls', needed: 3, remaining: 2 }],
    ['a sub-agent', wanting({}, 1), 0, null],
    ['a sub-agent of a sub-agent', wanting({}, 2), 0, { reason: 'max_recursion_depth', needed: 2, remaining: 1 }],
    ['the last millisecond', wanting({}), 9_999, null],
    ['the deadline itself', wanting({}), 10_000, { reason: 'wall_seconds', needed: 0, remaining: 0 }],
    [
      'an end past the deadline',
      wanting({}, 0, START_MS + 10_001),
      0,
      { reason: 'wall_seconds', needed: 10_001, remaining: 10_000 },
    ],
  ])('%s', (_name, wanted, elapsedMs, expected) => {
    expect(shortageOf(ledger, wanted, START_MS + elapsedMs)).toEqual(expected);
  });
});

test('zero is a budget: nothing fits but nothing', () => {
  const ledger = openLedger({ ...GRANT, usdNano: 0, tokens: 0, toolCalls: 0 }, START_MS, 0);
  expect(shortageOf(ledger, wanting({}), START_MS)).toBeNull();
  expect(shortageOf(ledger, wanting({ usdNano: 1 }), START_MS)?.reason).toBe('usd');
  expect(shortageOf(ledger, wanting({ tokens: 1 }), START_MS)?.reason).toBe('tokens');
  expect(shortageOf(ledger, wanting({ toolCalls: 1 }), START_MS)?.reason).toBe('max_tool_calls');
});

test('no limit is no limit, and is not zero', () => {
  const ledger = openLedger({ ...GRANT, usdNano: null }, START_MS, 0);
  expect(remaining(ledger, 'usdNano')).toBe(Number.POSITIVE_INFINITY);
  expect(shortageOf(ledger, wanting({ usdNano: Number.MAX_SAFE_INTEGER }), START_MS)).toBeNull();
});

test('a reservation counts until it is posted, and what it did not use comes back', () => {
  const reserved = reserve(openLedger(GRANT, START_MS, 0), { seq: 1, ...wanting({ usdNano: 900 }) });
  expect(remaining(reserved, 'usdNano')).toBe(100);
  const posted = post(reserved, 1, { ...NOTHING, usdNano: 300 });
  expect(remaining(posted, 'usdNano')).toBe(700);
  expect(posted.pending).toEqual([]);
});

test('a post of what is not pending changes nothing: an end that arrives twice is posted once', () => {
  const once = post(reserve(openLedger(GRANT, START_MS, 0), { seq: 1, ...wanting({ usdNano: 900 }) }), 1, {
    ...NOTHING,
    usdNano: 900,
  });
  expect(post(once, 1, { ...NOTHING, usdNano: 900 })).toBe(once);
});
