import type { Grant } from './contract.ts';
import { AegrailError } from './errors.ts';
import type { LimitsInput } from './start-input.ts';
import { nanoToUsd, usdToNano } from './units.ts';

/** Wall clock of a contract that names none: a day. Every activity's timeout derives from it. */
export const DEFAULT_WALL_SECONDS = 86_400;

/** Limits of a contract file as a grant. What is left out is not limited, but for the wall clock and the depth. */
export function grantFromFile(limits: LimitsInput): Grant {
  return {
    usdNano: limits.usd === undefined ? null : usdToNano(limits.usd),
    tokens: limits.tokens ?? null,
    wallMs: Math.round((limits.wallSeconds ?? DEFAULT_WALL_SECONDS) * 1000),
    toolCalls: limits.maxToolCalls ?? null,
    recursionDepth: limits.maxRecursionDepth ?? 0,
  };
}

/** A grant as users write limits; what is not limited is left out. */
export function limitsInput({ usdNano, tokens, wallMs, toolCalls, recursionDepth }: Grant): LimitsInput {
  return {
    ...(usdNano === null ? {} : { usd: nanoToUsd(usdNano) }),
    ...(tokens === null ? {} : { tokens }),
    wallSeconds: wallMs / 1000,
    ...(toolCalls === null ? {} : { maxToolCalls: toolCalls }),
    maxRecursionDepth: recursionDepth,
  };
}

/**
 * The grant of a session: the contract's, lowered by what its start asks for.
 *
 * @throws AegrailError LIMIT_ABOVE_CONTRACT when a limit is above the contract's
 */
export function lowerGrant(contract: Grant, asked: LimitsInput): Grant {
  return {
    usdNano: lower('usd', contract.usdNano, asked.usd === undefined ? undefined : usdToNano(asked.usd), 1e-9),
    tokens: lower('tokens', contract.tokens, asked.tokens, 1),
    wallMs: lower('wallSeconds', contract.wallMs, scale(asked.wallSeconds), 1e-3) ?? contract.wallMs,
    toolCalls: lower('maxToolCalls', contract.toolCalls, asked.maxToolCalls, 1),
    recursionDepth:
      lower('maxRecursionDepth', contract.recursionDepth, asked.maxRecursionDepth, 1) ?? contract.recursionDepth,
  };
}

/** A grant, lowered where other limits are below it. */
export function atMost(
  grant: Grant,
  { usd, tokens, wallSeconds, maxToolCalls, maxRecursionDepth }: LimitsInput,
): Grant {
  return lowerOf(grant, {
    usdNano: usd === undefined ? undefined : usdToNano(usd),
    tokens,
    wallMs: scale(wallSeconds),
    toolCalls: maxToolCalls,
    recursionDepth: maxRecursionDepth,
  });
}

/** The lower of two grants in each dimension; where one has no limit, or says nothing, it is the other's. */
export function lowerOf(a: Grant, b: { readonly [K in keyof Grant]: Grant[K] | undefined }): Grant {
  const least = (one: number | null, other: number | null | undefined): number | null =>
    one === null ? (other ?? null) : Math.min(one, other ?? one);
  return {
    usdNano: least(a.usdNano, b.usdNano),
    tokens: least(a.tokens, b.tokens),
    wallMs: Math.min(a.wallMs, b.wallMs ?? a.wallMs),
    toolCalls: least(a.toolCalls, b.toolCalls),
    recursionDepth: Math.min(a.recursionDepth, b.recursionDepth ?? a.recursionDepth),
  };
}

function scale(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.round(seconds * 1000);
}

function lower(
  name: keyof LimitsInput,
  contract: number | null,
  asked: number | undefined,
  unit: number,
): number | null {
  if (asked === undefined) return contract;
  if (contract !== null && asked > contract) {
    throw new AegrailError(
      'LIMIT_ABOVE_CONTRACT',
      `limits.${name} is ${shown(asked, unit)}, above the contract's ${shown(contract, unit)}: a start can only lower it.`,
    );
  }
  return asked;
}

function shown(amount: number, unit: number): string {
  return String(Number((amount * unit).toPrecision(15)));
}
