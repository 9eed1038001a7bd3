import { describe, expect, test } from 'vitest';
import type { ToolContract, When } from '../../src/core/contract.ts';
import { openLedger } from '../../src/core/ledger.ts';
import { compilePolicy, decide, type Facts, type Predicates } from '../../src/core/policy.ts';
import { makePrincipal } from '../../src/core/principal.ts';
import { NO_FACTS } from '../../src/core/session-facts.ts';

const NOW_MS = 1_000_000;

function tool(when: When | null): ToolContract {
  return {
    source: { kind: 'module', module: './tools.ts', export: 'refund' },
    description: 'Refunds.',
    inputSchema: {
      type: 'object',
      properties: { amount: { type: 'number' }, note: { type: 'string' } },
      required: ['amount'],
      additionalProperties: false,
    },
    when,
    approval: null,
    timeoutMs: 1_000,
    idempotent: false,
    redact: { showArgs: [], showResult: false },
    secrets: [],
  };
}

const facts: Omit<Facts, 'args'> = {
  principal: makePrincipal({ agent: 'bot', version: 'v1', user: 'ann@acme.com', chain: [] }, NOW_MS, 'abc123', 60_000),
  session: { ...NO_FACTS, tools: { refund: { admitted: 2, inFlight: 1 } } },
  ledger: openLedger(
    { usdNano: 5_000_000_000, tokens: 100, wallMs: 60_000, toolCalls: 3, recursionDepth: 0 },
    NOW_MS,
    0,
  ),
};

const PREDICATES: Predicates = {
  small: ({ args }) => (args['amount'] as number) < 10,
  throws: () => {
    throw new Error('no database here');
  },
  truthy: () => 1 as unknown as boolean,
  promise: () => Promise.resolve(true) as unknown as boolean,
};

function judged(when: When | null, args: unknown, problem: string | null = null): string | null {
  const policy = compilePolicy({ tools: { refund: tool(when) } }, PREDICATES);
  return decide(policy, { tool: 'refund', args, problem }, facts, NOW_MS)?.reason ?? null;
}

describe('rules in CEL', () => {
  test.each<[string, unknown, string | null]>([
    ['args.amount <= 100', { amount: 100 }, null],
    ['args.amount <= 100', { amount: 100.01 }, 'predicate_false'],
    ["principal.user.endsWith('@acme.com')", { amount: 1 }, null],
    ["principal.user.endsWith('@evil.com')", { amount: 1 }, 'predicate_false'],
    ["principal.agent == 'bot' && principal.version == 'v1'", { amount: 1 }, null],
    ["session.calls('refund').count < 3", { amount: 1 }, null],
    ["session.calls('refund').count < 2", { amount: 1 }, 'predicate_false'],
    ["session.calls('refund').in_flight == 0", { amount: 1 }, 'predicate_false'],
    ["session.calls('never').count == 0", { amount: 1 }, null],
    ["session.calls('refund').count == 0", { amount: 1 }, 'predicate_false'],
    ["session.calls('refund').count + session.calls('never').count == 2", { amount: 1 }, null],
    ['budget.usd_used == 0.0 && budget.tokens_used == 0 && budget.tool_calls_used == 0', { amount: 1 }, null],
    ['budget.usd_used > 0.0', { amount: 1 }, 'predicate_false'],
    ['budget.usd >= 5.0 && budget.tool_calls == 3', { amount: 1 }, null],
    ["args.note == 'x'", { amount: 1 }, 'predicate_error'],
    ['args.amount', { amount: 1 }, 'predicate_error'],
    ['args.amount + 1 > 2', { amount: 1 }, 'predicate_error'],
    ['args.amount <=', { amount: 1 }, 'predicate_error'],
    ['has(args.note) ? args.note == "ok" : true', { amount: 1 }, null],
  ])('%s of %j', (cel, args, reason) => {
    expect(judged({ cel }, args)).toBe(reason);
  });
});

describe('rules in TypeScript', () => {
  test.each<[string, unknown, string | null]>([
    ['small', { amount: 9 }, null],
    ['small', { amount: 10 }, 'predicate_false'],
    ['throws', { amount: 9 }, 'predicate_error'],
    ['truthy', { amount: 9 }, 'predicate_error'],
    ['promise', { amount: 9 }, 'predicate_error'],
    ['nobody', { amount: 9 }, 'predicate_error'],
    ['toString', { amount: 9 }, 'predicate_error'],
  ])('%s of %j', (predicate, args, reason) => {
    expect(judged({ predicate }, args)).toBe(reason);
  });
});

describe('arguments are checked before the rule', () => {
  test.each<[string, unknown]>([
    ['missing', {}],
    ['of another type', { amount: '1' }],
    ['one too many', { amount: 1, extra: 1 }],
    ['a list', [1]],
    ['null', null],
    ['a text', 'amount'],
    ['with __proto__', JSON.parse('{"amount":1,"__proto__":{"x":1}}')],
    ['with a lone surrogate', { amount: 1, note: '\ud800' }],
    ['beyond 2^53', { amount: JSON.parse('9007199254740993') as number }],
  ])('%s', (_name, args) => {
    // The rule would throw: it is never asked.
    expect(judged({ predicate: 'throws' }, args)).toBe('invalid_arguments');
  });

  test('and what could not be read at all is refused with what the reader says', () => {
    const policy = compilePolicy({ tools: { refund: tool(null) } }, {});
    const denial = decide(policy, { tool: 'refund', args: null, problem: 'they are not JSON' }, facts, NOW_MS);
    expect(denial).toEqual({
      reason: 'invalid_arguments',
      why: 'The arguments of refund are refused: they are not JSON.',
    });
  });
});

describe('default deny', () => {
  const policy = compilePolicy({ tools: { refund: tool(null) } }, {});
  test.each(['refunds', 'Refund', '', 'constructor', '__proto__', 'toString', 'x'.repeat(10_000)])(
    '%s is no tool',
    (name) => {
      const denial = decide(policy, { tool: name, args: {}, problem: null }, facts, NOW_MS);
      expect(denial?.reason).toBe('not_registered');
      expect(denial?.why.length).toBeLessThan(400);
    },
  );

  test('no tools is no permission', () => {
    const empty = compilePolicy({ tools: {} }, {});
    expect(decide(empty, { tool: 'refund', args: {}, problem: null }, facts, NOW_MS)?.reason).toBe('not_registered');
  });

  test('an expired principal may nothing', () => {
    const denial = decide(policy, { tool: 'refund', args: { amount: 1 }, problem: null }, facts, NOW_MS + 60_001);
    expect(denial?.reason).toBe('principal_expired');
  });
});
