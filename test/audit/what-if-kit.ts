import type { Difference, WhatIf } from '../../src/audit/what-if-report.ts';
import type { Rules } from '../../src/audit/what-if-rules.ts';
import type { PastSession } from '../../src/audit/what-if-walk.ts';
import type { Contract, Grant } from '../../src/core/contract.ts';
import type { ModelPrice } from '../../src/core/price.ts';
import { contractOf, priceOf, TOOLS } from './plans.ts';
import { type PlannedCall, type PlannedTurn, playSession } from './played-session.ts';

/** More than any of the sessions here needs. */
export const LIMITS: Grant = {
  usdNano: 100_000_000,
  tokens: 100_000,
  wallMs: 60_000,
  toolCalls: 20,
  recursionDepth: 0,
};
/** USD 0.75 and 4.50 a million tokens. */
export const PRICE = priceOf(750_000);

/** A call of a tool for an amount, and what its tries come to. */
export const call = (tool: string, amount = 20, ...tries: PlannedCall['tries']): PlannedCall => ({
  tool,
  args: { amount },
  tries: tries.length === 0 ? ['ok'] : tries,
});

/** A turn of 100 tokens in and 50 out, in a second. */
export const turn = (calls: readonly PlannedCall[], more: Partial<PlannedTurn> = {}): PlannedTurn => ({
  newTokens: 100,
  failures: [],
  inputTokens: 100,
  outputTokens: 50,
  usage: 'reported',
  calls,
  waitMs: 1_000,
  ...more,
});

/** 100 x 0.75 + 50 x 4.5 micro-USD. */
export const TURN_NANO = 300_000;

/** A turn that answers. */
export const ENDS = turn([]);

/** The rules of the sessions here, or others. */
export function rules(
  grant: Partial<Grant> = {},
  more: Partial<{ price: ModelPrice | null; tools: Contract['tools'] }> = {},
): Rules {
  const given = { ...LIMITS, ...grant };
  const { price = PRICE, tools = TOOLS } = more;
  return { contract: contractOf(given, price, tools), grant: given, predicates: {}, refusal: null, migrated: null };
}

/** Plays a plan under the rules of the sessions here, or others. */
export const played = (
  plan: readonly PlannedTurn[],
  grant: Partial<Grant> = {},
  price: ModelPrice | null = PRICE,
): PastSession => playSession(contractOf({ ...LIMITS, ...grant }, price), { ...LIMITS, ...grant }, plan);

/** A difference in one line: its record, its name, what it was and would be. */
export const told = ({ seq, name, was, wouldBe }: Difference): string =>
  `${seq} ${name}: ${was.what}${was.reason ? ` ${was.reason}` : ''} -> ${wouldBe.what}${wouldBe.reason ? ` ${wouldBe.reason}` : ''}`;

export const tell = ({ differences }: WhatIf): string[] => differences.map(told);

/** 0 started, 1 admitted, 2 answered, 3 and 4 admitted, 5 and 6 ended, 7 admitted, 8 answered, 9 ended. */
export const TWO_CALLS = [turn([call('look'), call('pay', 80)]), ENDS];
