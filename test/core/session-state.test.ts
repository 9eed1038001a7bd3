import { expect, test } from 'vitest';
import { openLedger } from '../../src/core/ledger.ts';
import type { Usage } from '../../src/core/price.ts';
import { snapshotOf, wireUsage } from '../../src/core/session-state.ts';

const STARTED_MS = Date.UTC(2026, 0, 31, 12);
const ledger = openLedger(
  { usdNano: null, tokens: null, wallMs: 60_000, toolCalls: null, recursionDepth: 0 },
  STARTED_MS,
  0,
);

test.each([
  [-1, 0],
  [-3_600_000, 0],
  [0, 0],
  [1, 0.001],
  [3_723, 3.723],
])('%d ms after the start are %d s of wall clock', (ms, seconds) => {
  expect(snapshotOf(ledger, STARTED_MS + ms).wall_elapsed).toBe(seconds);
});

test('a count is written in the words of the log, each amount under its own name', () => {
  const usage: Usage = {
    inputTokens: 1,
    cacheReadTokens: 2,
    cacheWriteTokens: 3,
    cacheWrite1hTokens: 4,
    outputTokens: 5,
    reasoningTokens: 6,
    webSearches: 7,
    modifiers: { service_tier: 'flex' },
  };
  expect(wireUsage(usage)).toEqual({
    input_tokens: 1,
    cache_read_tokens: 2,
    cache_write_tokens: 3,
    cache_write_1h_tokens: 4,
    output_tokens: 5,
    reasoning_tokens: 6,
    web_searches: 7,
    modifiers: { service_tier: 'flex' },
  });
});
