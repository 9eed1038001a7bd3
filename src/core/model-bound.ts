import type { ModelContract } from './contract.ts';
import { outputTokensFor, worstCaseNano } from './worst-case.ts';
import { type Ledger, remaining } from './ledger.ts';
import type { Denial } from './refusals.ts';
import { formatUsd } from './units.ts';

/** Tokens that a provider may add around one message: its role and its separators. */
export const MESSAGE_OVERHEAD_TOKENS = 32;

/** What one call of a model may come to at most, and how long its answer may be to stay below it. */
export interface ModelBound {
  readonly inputTokens: number;
  readonly maxOutputTokens: number;
  readonly usdNano: number;
}

/** A call that does not fit, and what the smallest useful one would have needed. */
export interface ModelRefusal extends Denial {
  readonly needed: { readonly usdNano: number; readonly tokens: number };
}

/**
 * The reservation of a model call: a true upper bound, and a tight one. The output is capped to what usd and tokens
 * allow; below the contract's useful minimum the call is refused.
 *
 * @param inputTokens what the provider counted for the conversation so far, plus the bytes of what is new
 */
export function boundModelCall(
  model: ModelContract,
  ledger: Ledger,
  inputTokens: number,
): { readonly bound: ModelBound } | { readonly refusal: ModelRefusal } {
  const { price, minOutputTokens } = model;
  if (price === null && ledger.grant.usdNano !== null) {
    const why = `The price of ${model.provider}/${model.name} is not known, and there is a usd limit: give it under prices.`;
    return { refusal: { reason: 'usd', why, needed: { usdNano: 0, tokens: inputTokens + minOutputTokens } } };
  }
  const cost = (outputTokens: number): number =>
    price === null ? 0 : worstCaseNano(price, { inputTokens, outputTokens });
  const needed = { usdNano: cost(minOutputTokens), tokens: inputTokens + minOutputTokens };
  const tokensLeft = remaining(ledger, 'tokens');
  const usdLeft = remaining(ledger, 'usdNano');
  if (needed.tokens > tokensLeft) {
    const why = `The next model call needs up to ${needed.tokens} tokens at least, and ${tokensLeft} are left.`;
    return { refusal: { reason: 'tokens', why, needed } };
  }
  if (needed.usdNano > usdLeft) {
    const why = `The next model call could cost ${formatUsd(needed.usdNano)} at least, and ${formatUsd(usdLeft)} is left.`;
    return { refusal: { reason: 'usd', why, needed } };
  }
  const affordable =
    price === null || usdLeft === Number.POSITIVE_INFINITY
      ? Number.POSITIVE_INFINITY
      : outputTokensFor(price, { inputTokens, usdNano: usdLeft });
  const maxOutputTokens = Math.min(model.maxOutputTokens, tokensLeft - inputTokens, affordable);
  return { bound: { inputTokens, maxOutputTokens, usdNano: cost(maxOutputTokens) } };
}
