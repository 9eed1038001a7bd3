import { describe, expect, test } from 'vitest';
import { compileApproval, whyAsked } from '../../src/core/approval.ts';
import type { ApprovalRule } from '../../src/core/contract.ts';
import { NOTHING, openLedger, post, reserve } from '../../src/core/ledger.ts';
import { celFacts, usedNano } from '../../src/core/policy.ts';
import { makePrincipal } from '../../src/core/principal.ts';
import { NO_FACTS } from '../../src/core/session-facts.ts';

const USD = 1_000_000_000;
const RULE: ApprovalRule = {
  when: null,
  quorum: 1,
  approvers: null,
  excludeUser: true,
  expiresMs: 1_000,
  show: 'redacted',
};
const GRANT = { usdNano: 20 * USD, tokens: 100_000, wallMs: 60_000, toolCalls: 10, recursionDepth: 0 };
const principal = makePrincipal({ agent: 'bot', version: 'v1', user: 'ann', chain: [] }, 0, 'abc123', 60_000);

/** A session that has posted 3 USD, and may have to post so much more. */
function why(rule: Partial<ApprovalRule>, pendingUsd = 0, aboveUsd = 0): string | null {
  const call = (seq: number, usd: number) => ({
    seq,
    amounts: { usdNano: usd * USD, tokens: 100, toolCalls: 1 },
    untilMs: 60_000,
    depth: 0,
  });
  const spent = { usdNano: 3 * USD, tokens: 80, toolCalls: 1 };
  const posted = post(reserve(openLedger(GRANT, 0, 0), call(1, 4)), 1, spent);
  const ledger = pendingUsd === 0 ? posted : reserve(posted, call(2, pendingUsd));
  const session = { ...NO_FACTS, usedAbove: { ...NOTHING, usdNano: aboveUsd * USD } };
  const facts = { args: { amount: 60 }, principal, session, ledger };
  return whyAsked(compileApproval({ ...RULE, ...rule }), celFacts(facts), usedNano(facts));
}

const EVERY = 'Every call of this tool is asked for.';
const SPENT = 'The session has used 3.00 USD, and asks above 2.99 USD.';

describe('why a call is asked for', () => {
  test.each<[string, Partial<ApprovalRule>, string | null]>([
    ['no condition', {}, EVERY],
    ['a condition that holds', { when: 'args.amount > 50.0' }, 'The rule asks: args.amount > 50.0'],
    ['a condition that does not', { when: 'args.amount > 70.0' }, null],
    ['one that is no boolean', { when: 'args.amount' }, 'The rule asks: args.amount'],
    ['one that fails', { when: 'args.nothing > 1.0' }, 'The rule failed, and so it asks: No such key: nothing'],
    ['more than so much was spent', { aboveUsdNano: 2.99 * USD }, SPENT],
    ['just so much was spent', { aboveUsdNano: 3 * USD }, null],
    ['anything was spent', { aboveUsdNano: 0 }, 'The session has used 3.00 USD, and asks above 0.00 USD.'],
    ['the one or the other: the spend', { aboveUsdNano: 2.99 * USD, when: 'args.amount > 70.0' }, SPENT],
    [
      'the one or the other: the condition',
      { aboveUsdNano: 5 * USD, when: 'args.amount > 50.0' },
      'The rule asks: args.amount > 50.0',
    ],
    ['neither', { aboveUsdNano: 5 * USD, when: 'args.amount > 70.0' }, null],
  ])('%s', (_what, rule, expected) => {
    expect(why(rule)).toBe(expected);
  });

  test('what is reserved counts as spent', () => {
    expect(why({ aboveUsdNano: 5 * USD }, 2)).toBeNull();
    expect(why({ aboveUsdNano: 5 * USD }, 2.01)).toBe('The session has used 5.01 USD, and asks above 5.00 USD.');
  });
});

test('what the sessions above it had spent when it was started counts as spent', () => {
  expect(why({ aboveUsdNano: 5 * USD }, 0, 2)).toBeNull();
  expect(why({ aboveUsdNano: 5 * USD }, 0, 2.5)).toBe(
    'The session has used 5.50 USD, 2.50 USD of it by those above it, and asks above 5.00 USD.',
  );
  expect(why({ when: 'budget.usd_used > 5.0 && budget.usd == 17.0' }, 0, 2.5)).toMatch(/^The rule asks/);
});

describe('what was spent, in a condition', () => {
  test.each<[string, number, boolean]>([
    ['budget.usd_used > 5.0', 0, false],
    ['budget.usd_used > 5.0', 2, false],
    ['budget.usd_used > 5.0', 2.01, true],
    ['budget.usd_used == 3.0 && budget.usd == 17.0', 0, true],
    ['budget.tokens_used == 80 && budget.tool_calls_used == 1', 0, true],
    ['budget.tokens_used == 180 && budget.tool_calls_used == 2', 1, true],
    ['budget.usd_used > args.amount', 0, false],
  ])('%s with %d USD reserved: %s', (when, pendingUsd, asks) => {
    expect(why({ when }, pendingUsd) !== null).toBe(asks);
  });
});
