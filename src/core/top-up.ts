import { compileCel } from './cel.ts';
import type { BudgetRule, Grant } from './contract.ts';
import { AegrailError, messageOf } from './errors.ts';
import type { Amounts, Ledger } from './ledger.ts';
import { usdToNano } from './units.ts';
import { isFilledLine, isLine, isPlainObject } from './values.ts';

/** What a person adds to a budget: the one argument of the update and of the signal `topup`. */
export interface TopUpInput {
  /** The same id twice is one top-up. */
  readonly id?: string;
  readonly usd?: number;
  readonly tokens?: number;
  readonly maxToolCalls?: number;
  readonly by: string;
  readonly reason?: string;
}

const KEYS = ['id', 'usd', 'tokens', 'maxToolCalls', 'by', 'reason'];
const MAX_ID = 100;
const MAX_BY = 256;
const MAX_REASON = 500;

/** Checks a top-up, whoever sent it. @throws AegrailError INPUT_INVALID with the field and what would be right */
export function parseTopUp(value: unknown): TopUpInput {
  if (!isPlainObject(value)) throw invalid(`it must be one JSON object with ${KEYS.join(', ')}`);
  if (Object.keys(value).some((key) => !KEYS.includes(key)))
    throw invalid(`it has a member that is not known; known are ${KEYS.join(', ')}`);
  const { id, usd, tokens, maxToolCalls, by, reason } = value;
  if (id !== undefined && (!isLine(id, MAX_ID) || id === ''))
    throw invalid(`id must be text of 1 to ${MAX_ID} characters`);
  if (!isFilledLine(by, MAX_BY)) throw invalid(`by must say who, in at most ${MAX_BY} characters`);
  if (reason !== undefined && !isLine(reason, MAX_REASON))
    throw invalid(`reason must be text of at most ${MAX_REASON} characters`);
  const given = [usd, tokens, maxToolCalls].filter((amount) => amount !== undefined);
  if (given.length === 0) throw invalid('give at least one of usd, tokens and maxToolCalls');
  if (usd !== undefined && !isUsd(usd))
    throw invalid('usd must be a number above 0 and at most 9007199, in whole nano-USD');
  for (const [name, amount] of [
    ['tokens', tokens],
    ['maxToolCalls', maxToolCalls],
  ] as const) {
    const right = amount === undefined || (Number.isSafeInteger(amount) && (amount as number) > 0);
    if (!right) throw invalid(`${name} must be a whole number above 0`);
  }
  return value as unknown as TopUpInput;
}

/** What a top-up adds, in the ledger's own units. */
export function amountsOfTopUp({ usd = 0, tokens = 0, maxToolCalls = 0 }: TopUpInput): Amounts {
  return { usdNano: usdToNano(usd), tokens, toolCalls: maxToolCalls };
}

/** Why somebody may not top up, or null. A rule that fails lets nobody. */
export function topUpProblem(
  rule: Pick<BudgetRule, 'onExceeded' | 'excludeUser' | 'approvers'>,
  by: string,
  user: string,
  facts: { readonly [name: string]: unknown },
): string | null {
  if (rule.onExceeded !== 'ask') return "the contract's budget does not ask: it kills at the limit";
  if (rule.excludeUser && by === user) return 'whom the agent works for may not';
  if (rule.approvers === null) return null;
  try {
    const may = compileCel(rule.approvers, ['approver'])({ ...facts, approver: { id: by } });
    return may === true ? null : 'the rule of who may says no';
  } catch (thrown) {
    return `the rule of who may failed: ${messageOf(thrown).split('\n', 1)[0]?.slice(0, 200)}`;
  }
}

/** Why amounts can't be added: what has no limit can't be raised. Null when all of them can. */
export function unlimitedProblem({ usdNano, tokens, toolCalls }: Grant, input: TopUpInput): string | null {
  const given = [
    ['usd', input.usd, usdNano],
    ['tokens', input.tokens, tokens],
    ['maxToolCalls', input.maxToolCalls, toolCalls],
  ] as const;
  const without = given.flatMap(([name, amount, limit]) => (amount !== undefined && limit === null ? [name] : []));
  return without.length === 0 ? null : `the session has no limit of ${without.join(' and ')} that could be raised`;
}

/** The dimensions that a model is told of. */
const DIMENSIONS = [
  ['usdNano', 'usd'],
  ['tokens', 'tokens'],
  ['toolCalls', 'max_tool_calls'],
] as const;

/** A budget of which more is used than its soft limit. */
export interface Warned {
  readonly dimension: 'usd' | 'tokens' | 'max_tool_calls';
  readonly permille: number;
}

/** The budgets that have passed the soft limit, of those that the model was not told of yet. */
export function passedSoftLimit(ledger: Ledger, softPermille: number, told: ReadonlySet<string>): Warned[] {
  if (softPermille === 0) return [];
  return DIMENSIONS.flatMap(([key, dimension]) => {
    const granted = ledger.grant[key];
    if (granted === null || granted === 0 || told.has(dimension)) return [];
    const permille = Math.floor((ledger.posted[key] / granted) * 1000);
    return permille >= softPermille ? [{ dimension, permille }] : [];
  });
}

function isUsd(value: unknown): value is number {
  if (typeof value !== 'number' || !(value > 0)) return false;
  try {
    return usdToNano(value) > 0;
  } catch {
    return false;
  }
}

function invalid(why: string): AegrailError {
  return new AegrailError('INPUT_INVALID', `The top-up is invalid: ${why}.`);
}
