import { describe, expect, test } from 'vitest';
import { attenuate } from '../../src/core/attenuate.ts';
import { celFacts, compilePolicy, decide } from '../../src/core/policy.ts';
import { type ApprovalRule, type Contract, CONTRACT_FORMAT, type ToolContract } from '../../src/core/contract.ts';
import { whyAsked } from '../../src/core/approval.ts';
import { openLedger } from '../../src/core/ledger.ts';
import { makePrincipal } from '../../src/core/principal.ts';
import { NO_FACTS } from '../../src/core/session-facts.ts';

const limits = { usdNano: 1_000, tokens: null, toolCalls: null, wallMs: 60_000, recursionDepth: 1 };
const tool = (more: Partial<ToolContract> = {}): ToolContract => ({
  source: { kind: 'module', module: './tools.ts', export: 'pay' },
  description: 'Pays.',
  inputSchema: { type: 'object' },
  when: null,
  approval: null,
  timeoutMs: 5_000,
  idempotent: true,
  redact: { showArgs: ['to', 'amount'], showResult: true },
  secrets: ['BANK', 'LOG'],
  ...more,
});
const contract = (tools: Contract['tools'], more: Partial<Contract> = {}): Contract => ({
  format: CONTRACT_FORMAT,
  agent: 'a',
  version: 'v1',
  instructions: '',
  model: {
    provider: 'openai',
    protocol: 'openai',
    name: 'm',
    maxOutputTokens: 1,
    minOutputTokens: 1,
    promptOverheadTokens: 0,
    timeoutMs: 1,
    price: null,
  },
  tools,
  limits,
  budget: { onExceeded: 'ask', approvers: null, excludeUser: true, askMs: 1, softPermille: 800 },
  audit: 'best_effort',
  maxParallelCalls: 1,
  maxResultBytes: 256,
  ...more,
});
const helper: ToolContract = tool({ source: { kind: 'agent', agent: 'h', contractSha256: '0'.repeat(64), limits } });
const approval: ApprovalRule = {
  when: null,
  quorum: 1,
  approvers: null,
  excludeUser: false,
  expiresMs: 1_000,
  show: 'full',
};
const seen = {
  principal: makePrincipal({ agent: 'a', version: 'v1', user: 'u', chain: [] }, 0, '0'.repeat(12), 60_000),
  session: NO_FACTS,
  ledger: openLedger(limits, 0, 1),
};
const says = (of: Contract, args: object): string | null =>
  decide(compilePolicy(of, {}), { tool: 'pay', args, problem: null }, seen, 0)?.reason ?? null;

describe('what a sub-agent may do', () => {
  test('is a tool that both have, and are made of the same', () => {
    const mine = { pay: tool(), read: tool({ source: { kind: 'mcp', server: 'x', tool: 'read' } }), only: tool() };
    const above = { pay: tool({ source: { kind: 'module', module: './other.ts', export: 'pay' } }), read: mine.read };
    expect(Object.keys(attenuate(contract(above), contract(mine), true).tools)).toEqual(['read']);
    expect(attenuate(contract({}), contract(mine), true).tools).toEqual({});
  });

  test('is judged by the rules of both', () => {
    const child = contract({ pay: tool({ when: { cel: 'args.amount < 10.0' } }) });
    const both = attenuate(contract({ pay: tool({ when: { cel: 'args.to != "me"' } }) }), child, true);
    expect(says(both, { amount: 5, to: 'you' })).toBeNull();
    expect(says(both, { amount: 50, to: 'you' })).toBe('predicate_false');
    expect(says(both, { amount: 5, to: 'me' })).toBe('predicate_false');
    // Who is missing a rule takes nothing away; one that fails denies.
    expect(says(attenuate(contract({ pay: tool() }), child, true), { amount: 50 })).toBe('predicate_false');
    const broken = attenuate(contract({ pay: tool({ when: { predicate: 'none' } }) }), child, true);
    expect(says(broken, { amount: 5 })).toBe('predicate_error');
  });

  test('three contracts deep, all three say yes', () => {
    const of = (cel: string): Contract => contract({ pay: tool({ when: { cel } }) });
    const second = attenuate(of('args.a > 0.0'), of('args.b > 0.0'), true);
    const third = attenuate(second, of('args.c > 0.0'), false);
    expect(says(third, { a: 1, b: 1, c: 1 })).toBeNull();
    for (const args of [
      { a: 0, b: 1, c: 1 },
      { a: 1, b: 0, c: 1 },
      { a: 1, b: 1, c: 0 },
    ])
      expect(says(third, args)).toBe('predicate_false');
  });

  test('takes the careful side of everything else', () => {
    const above = tool({
      timeoutMs: 3_000,
      idempotent: false,
      redact: { showArgs: ['to'], showResult: false },
      secrets: ['BANK'],
    });
    const { pay } = attenuate(contract({ pay: above }, { audit: 'required' }), contract({ pay: tool() }), true).tools;
    expect(pay).toMatchObject({
      timeoutMs: 3_000,
      idempotent: false,
      redact: { showArgs: ['to'], showResult: false },
      secrets: ['BANK'],
    });
  });

  test('asks where either asks, and only those decide whom both take', () => {
    const above = tool({
      approval: { ...approval, when: 'args.amount > 100.0 // much', approvers: 'approver.id != "a"', quorum: 2 },
    });
    const own = tool({
      approval: {
        ...approval,
        when: 'args.to == "x"',
        approvers: 'approver.id != "b"',
        excludeUser: true,
        show: 'redacted',
      },
    });
    const both = attenuate(contract({ pay: above }), contract({ pay: own }), true);
    const compiled = compilePolicy(both, {}).tools.get('pay')?.approval;
    expect(compiled?.rule).toMatchObject({ quorum: 2, excludeUser: true, show: 'redacted' });
    const asks = (args: Record<string, unknown>, usedNano = 0): boolean | null =>
      compiled ? whyAsked(compiled, celFacts({ ...seen, args }), { ownNano: usedNano, aboveNano: 0 }) !== null : null;
    expect([asks({ amount: 200, to: 'y' }), asks({ amount: 1, to: 'x' }), asks({ amount: 1, to: 'y' })]).toEqual([
      true,
      true,
      false,
    ]);
    const may = (id: string): unknown =>
      compiled?.approvers?.({ ...celFacts({ ...seen, args: {} }), approver: { id } });
    expect([may('a'), may('b'), may('c')]).toEqual([false, false, true]);
  });

  test('asks above the lower of two spends, and always where one of them always asks', () => {
    const merged = (a: Partial<ApprovalRule>, b: Partial<ApprovalRule>): ApprovalRule | null | undefined => {
      const above = contract({ pay: tool({ approval: { ...approval, ...a } }) });
      return attenuate(above, contract({ pay: tool({ approval: { ...approval, ...b } }) }), true).tools['pay']
        ?.approval;
    };
    expect(merged({ aboveUsdNano: 5 }, { aboveUsdNano: 3 })).toMatchObject({ when: null, aboveUsdNano: 3 });
    expect(merged({ aboveUsdNano: 5 }, { when: 'true' })).toMatchObject({ when: 'true', aboveUsdNano: 5 });
    expect(merged({ aboveUsdNano: 5 }, {})).toEqual({ ...approval });
  });

  test('is never a larger budget: nobody raises a slice', () => {
    const { budget, audit } = attenuate(contract({}, { audit: 'required' }), contract({}), true);
    expect({ onExceeded: budget.onExceeded, audit }).toEqual({ onExceeded: 'kill', audit: 'required' });
  });

  test('calls an agent under the rules of both, and gives it no more than either would', () => {
    const own = { ...helper, when: { cel: 'args.b > 0.0' } };
    const source = { ...helper.source, limits: { ...limits, usdNano: 10, tokens: 7 } } as ToolContract['source'];
    const above = { ...helper, approval, source };
    const { h } = attenuate(contract({ other_name: above }), contract({ h: own }), true).tools;
    expect(h).toMatchObject({
      approval,
      when: { cel: 'args.b > 0.0' },
      source: { limits: { usdNano: 10, tokens: 7 } },
    });
  });

  test('is another agent only while a session may be below it', () => {
    const child = contract({ h: helper });
    expect(Object.keys(attenuate(contract({}), child, true).tools)).toEqual(['h']);
    expect(attenuate(contract({}), child, false).tools).toEqual({});
  });
});
