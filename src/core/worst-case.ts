import { ceilDiv, feesPico } from './cost.ts';
import type { ModelPrice, RateTier } from './price.ts';
import { PICO_PER_NANO } from './units.ts';
import type { CallBound } from './usage.ts';
import { isCount } from './usage.ts';

const MOST_NANO = BigInt(Number.MAX_SAFE_INTEGER);

/**
 * The most that a call within the bound can cost, in nano-USD, rounded up: for each tier that its input can fall in,
 * as much input as that tier holds, at the dearest kind of input that it can be billed as, and all output; the largest of these. It is reached
 * by a usage, so it is no more than it must be. It holds for calls billed without a multiplier and without a
 * provider's own tools. Where it is above 2^53 - 1 (9,007,199 USD), it is 2^53 - 1.
 *
 * @throws RangeError when a bound is not a whole number from 0
 */
export function worstCaseNano(price: ModelPrice, bound: CallBound): number {
  const outputTokens = BigInt(requireCount('outputTokens', bound.outputTokens));
  const costs = inputCosts(price, bound.inputTokens).map(
    ({ tier, pico }) => pico + outputTokens * BigInt(tier.outputPicoUsd),
  );
  const nano = ceilDiv(largest(costs), PICO_PER_NANO);
  return Number(nano > MOST_NANO ? MOST_NANO : nano);
}

/**
 * The most output tokens with which a call still costs at most `usdNano`: the inverse of {@link worstCaseNano}. -1
 * when even no output does not fit, 2^53 - 1 when output is free or there is no limit (`Infinity`).
 *
 * @throws RangeError when `inputTokens` is not a whole number from 0, or `usdNano` not a whole number or Infinity
 */
export function outputTokensFor(
  price: ModelPrice,
  limit: { readonly inputTokens: number; readonly usdNano: number },
): number {
  const costs = inputCosts(price, limit.inputTokens);
  if (limit.usdNano === Number.POSITIVE_INFINITY) return Number.MAX_SAFE_INTEGER;
  const pico = BigInt(limit.usdNano) * PICO_PER_NANO;
  let fitting = MOST_NANO;
  for (const { tier, pico: inputPico } of costs) {
    if (inputPico > pico) return -1;
    if (tier.outputPicoUsd === 0) continue;
    const here = (pico - inputPico) / BigInt(tier.outputPicoUsd);
    if (here < fitting) fitting = here;
  }
  return Number(fitting);
}

/** For each tier that a request of at most so much input can fall in: what all its input and the fees cost at most. */
function inputCosts(price: ModelPrice, inputTokens: number): { tier: RateTier; pico: bigint }[] {
  requireCount('inputTokens', inputTokens);
  const fees = feesPico(price, 0);
  return price.tiers
    .filter((tier, index) => index === 0 || tier.aboveInputTokens < inputTokens)
    .map((tier, index) => {
      const most = Math.min(inputTokens, price.tiers[index + 1]?.aboveInputTokens ?? inputTokens);
      return { tier, pico: BigInt(most) * BigInt(dearestInputRate(price, tier)) + fees };
    });
}

function dearestInputRate({ billedInput }: ModelPrice, tier: RateTier): number {
  return Math.max(tier.inputPicoUsd, ...billedInput.map((kind) => tier[`${kind}PicoUsd`]));
}

function largest(values: readonly bigint[]): bigint {
  return values.reduce((most, value) => (value > most ? value : most), 0n);
}

function requireCount(name: string, value: number): number {
  if (!isCount(value)) throw new RangeError(`${name} is ${String(value)}: give a whole number from 0`);
  return value;
}
