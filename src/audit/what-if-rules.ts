import type { Contract, Grant } from '../core/contract.ts';
import { AegrailError } from '../core/errors.ts';
import { lowerGrant } from '../core/limits.ts';
import type { Predicates } from '../core/policy.ts';
import type { ModelPrice } from '../core/price.ts';
import type { LimitsInput, StartInput } from '../core/start-input.ts';
import { usdToNano } from '../core/units.ts';
import type { Opened } from '../calls.ts';

/** Limits to replay under, by their names in a contract file. Null: not limited. What is left out stays as it is. */
export type OtherLimits = { readonly [Name in keyof LimitsInput]?: number | null };

/** What is to be other than it was. */
export interface OtherRules {
  readonly contract?: Contract | undefined;
  /** Null: not known. */
  readonly price?: ModelPrice | null | undefined;
  readonly limits?: OtherLimits | undefined;
}

/** What a session is judged by. */
export interface Rules {
  readonly contract: Contract;
  readonly grant: Grant;
  readonly predicates: Predicates;
  /** Why a worker would not have opened the session at all. */
  readonly refusal: { readonly code: string; readonly why: string } | null;
  /** The rules after the session was moved to another contract. Null: it stays under these, which stand for all of them. */
  readonly migrated: ((contract: Contract, granted: Grant) => Rules) | null;
}

/**
 * The rules that a session was under, with others in their place. Limits go last: they are the session's own, and not bound
 * by those of its contract.
 */
export function rulesWith(
  { input, opened }: { readonly input: StartInput; readonly opened: Pick<Opened, 'contract' | 'grant'> },
  other: OtherRules,
  predicates: Predicates,
): Rules {
  const limits = other.limits ?? {};
  const base = other.contract ?? opened.contract;
  const model = other.price === undefined ? base.model : { ...base.model, price: other.price };
  const contract = { ...base, model, limits: limited(base.limits, limits) };
  const migrated: Rules['migrated'] = other.contract
    ? null
    : (to, grant) => rulesWith({ input, opened: { contract: to, grant } }, other, predicates);
  const rules = { contract, predicates, migrated };
  if (!other.contract) return { ...rules, grant: limited(opened.grant, limits), refusal: null };
  try {
    const grant = limited(lowerGrant(base.limits, askedLimits(input, limits)), limits);
    return { ...rules, grant, refusal: otherVersion(input, base) };
  } catch (thrown) {
    if (!(thrown instanceof AegrailError)) throw thrown;
    return { ...rules, grant: limited(base.limits, limits), refusal: { code: thrown.code, why: thrown.message } };
  }
}

/** What the start asked for, but for what is replaced. */
function askedLimits({ limits = {} }: StartInput, replaced: OtherLimits): LimitsInput {
  return Object.fromEntries(Object.entries(limits).filter(([name]) => !Object.hasOwn(replaced, name)));
}

function otherVersion({ version }: StartInput, { agent, version: has }: Contract): Rules['refusal'] {
  if (version === undefined || version === has) return null;
  return {
    code: 'CONTRACT_VERSION',
    why: `The agent ${agent} is at version ${has} there, and ${version} was asked for.`,
  };
}

function limited(grant: Grant, { usd, tokens, wallSeconds, maxToolCalls, maxRecursionDepth }: OtherLimits): Grant {
  return {
    usdNano: usd === undefined ? grant.usdNano : usd === null ? null : usdToNano(usd),
    tokens: tokens === undefined ? grant.tokens : tokens,
    wallMs: typeof wallSeconds === 'number' ? Math.round(wallSeconds * 1000) : grant.wallMs,
    toolCalls: maxToolCalls === undefined ? grant.toolCalls : maxToolCalls,
    recursionDepth: maxRecursionDepth ?? grant.recursionDepth,
  };
}
