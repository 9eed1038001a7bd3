import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Grant } from '../../src/core/contract.ts';
import { addAmounts, lease, NOTHING, openLedger, pendingAmounts, reserve } from '../../src/core/ledger.ts';
import { cutSlice } from '../../src/core/slice.ts';

const amount = fc.option(fc.integer({ min: 0, max: 1_000_000 }), { nil: null });
const limits: fc.Arbitrary<Grant> = fc.record({
  usdNano: amount,
  tokens: amount,
  toolCalls: amount,
  wallMs: fc.integer({ min: 1, max: 1_000_000 }),
  recursionDepth: fc.integer({ min: 0, max: 4 }),
});

describe('a slice', () => {
  test('of any number of agents at once, they never hold more than was granted', () => {
    fc.assert(
      fc.property(
        limits,
        fc.array(limits, { maxLength: 12 }),
        fc.integer({ min: 0, max: 3 }),
        (grant, agents, depth) => {
          let ledger = openLedger(grant, 0, depth);
          for (const [index, own] of agents.entries()) {
            const cut = cutSlice(ledger, own, agents.length - index, 0);
            if ('shortage' in cut) continue;
            const { grant: given, reserved } = cut.slice;
            ledger = reserve(ledger, { seq: index, amounts: reserved, untilMs: grant.wallMs, depth });
            for (const name of ['usdNano', 'tokens', 'toolCalls', 'wallMs'] as const) {
              const most = Math.min(own[name] ?? Infinity, grant[name] ?? Infinity);
              expect(given[name] ?? Infinity).toBeLessThanOrEqual(most);
            }
            expect(given.recursionDepth).toBeLessThanOrEqual(
              Math.min(grant.recursionDepth, depth + 1 + own.recursionDepth),
            );
            expect(given.recursionDepth).toBeGreaterThan(depth);
          }
          const all = addAmounts(pendingAmounts(ledger), NOTHING);
          for (const name of ['usdNano', 'tokens', 'toolCalls'] as const)
            if (grant[name] !== null) expect(all[name]).toBeLessThanOrEqual(grant[name]);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  const grant: Grant = { usdNano: 1_000, tokens: 100, toolCalls: 10, wallMs: 60_000, recursionDepth: 2 };
  const own: Grant = { usdNano: 600, tokens: null, toolCalls: null, wallMs: 90_000, recursionDepth: 0 };

  test('is the agent’s own limits, or an equal share of what is left', () => {
    expect(cutSlice(openLedger(grant, 0, 0), own, 1, 10_000)).toEqual({
      slice: {
        grant: { usdNano: 600, tokens: 100, toolCalls: 9, wallMs: 50_000, recursionDepth: 1 },
        reserved: { usdNano: 600, tokens: 100, toolCalls: 10 },
      },
    });
    expect(cutSlice(openLedger(grant, 0, 0), own, 2, 0)).toMatchObject({
      slice: { reserved: { usdNano: 500, tokens: 50, toolCalls: 5 } },
    });
  });

  test('of a budget that nothing limits is not limited, and reserves the call itself', () => {
    const free: Grant = { ...grant, tokens: null, toolCalls: null };
    expect(cutSlice(openLedger(free, 0, 0), own, 1, 0)).toMatchObject({
      slice: { grant: { tokens: null, toolCalls: null }, reserved: { tokens: 0, toolCalls: 1 } },
    });
  });

  test('of what only a lease limits is bounded: an account leases in bulk what it does not limit', () => {
    const free: Grant = { ...grant, tokens: null, toolCalls: null };
    const ledger = lease(openLedger(free, 0, 0), 'tenant/a', 1, { usdNano: 500, tokens: 2 ** 36, toolCalls: 2 ** 36 });
    expect(cutSlice(ledger, own, 1, 0)).toMatchObject({
      slice: { grant: { usdNano: 500, tokens: 2_000_000, toolCalls: 500 } },
    });
  });

  test.each([
    ['usd', { usdNano: 0 }, own],
    ['tokens', { tokens: 0 }, own],
    ['max_tool_calls', { toolCalls: 0 }, own],
    ['max_recursion_depth', { recursionDepth: 0 }, own],
  ])('is refused for want of %s', (reason, lack, agent) => {
    expect(cutSlice(openLedger({ ...grant, ...lack }, 0, 0), agent, 1, 0)).toMatchObject({ shortage: { reason } });
  });

  test('is refused when the wall clock has run out, and zero is a budget of an agent', () => {
    expect(cutSlice(openLedger(grant, 0, 0), own, 1, 60_000)).toMatchObject({ shortage: { reason: 'wall_seconds' } });
    expect(cutSlice(openLedger(grant, 0, 0), { ...own, usdNano: 0 }, 1, 0)).toMatchObject({
      slice: { grant: { usdNano: 0 } },
    });
  });
});
