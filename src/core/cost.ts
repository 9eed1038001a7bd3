import type { ModelPrice, RateTier, Usage } from './price.ts';
import { PICO_PER_NANO } from './units.ts';
import { inputTokensOf, notACountIn } from './usage.ts';

/** What a call cost, or why that can not be said. */
export type Cost = { readonly usdNano: number } | { readonly unpriceable: string };

/** The key of a fee that every call pays once, whatever it used. */
export const PER_REQUEST_FEE = 'requests';

const PERMILLE = 1_000n;

/** What a response says about its billing when it was billed at the table's rates. `on_demand` is Groq's word. */
const NEUTRAL_MODIFIERS: ReadonlySet<string> = new Set([
  'service_tier=default',
  'service_tier=standard',
  'service_tier=auto',
  'service_tier=on_demand',
  'speed=standard',
  'inference_geo=not_available',
  'inference_geo=global',
]);

/**
 * What one call cost, in nano-USD, rounded up once. The whole request has the rates of the tier that its input, all
 * kinds summed, falls in. Multipliers are on tokens and not on fees.
 *
 * Never guesses: a multiplier or a fee that the table does not have makes the call unpriceable, with the reason.
 */
export function costNano(price: ModelPrice, usage: Usage): Cost {
  const bad = notACountIn(usage);
  if (bad !== null) return { unpriceable: bad };
  if (usage.webSearches > 0 && price.feesPicoUsd['webSearches'] === undefined) {
    return {
      unpriceable: `${usage.webSearches} web searches were made, and the price table of ${price.model} has no fee for one`,
    };
  }

  let numerator = tokensPico(tierFor(price, inputTokensOf(usage)), usage);
  let denominator = PICO_PER_NANO;
  let fees = feesPico(price, usage.webSearches);
  for (const [field, value] of Object.entries(usage.modifiers)) {
    const permille = permilleOf(price, `${field}=${value}`);
    if (permille === null) {
      return {
        unpriceable: `the response says ${field}=${value}, and the price table of ${price.model} has no multiplier for it`,
      };
    }
    if (permille === PERMILLE) continue;
    numerator *= permille;
    denominator *= PERMILLE;
    fees *= PERMILLE;
  }

  const nano = ceilDiv(numerator + fees, denominator);
  if (nano > BigInt(Number.MAX_SAFE_INTEGER)) return { unpriceable: `${nano} nano-USD is more than can be counted` };
  return { usdNano: Number(nano) };
}

/** The row that a request with so much input is billed by. */
function tierFor(price: ModelPrice, inputTokens: number): RateTier {
  const tier = price.tiers.findLast((row, index) => index === 0 || inputTokens > row.aboveInputTokens);
  if (tier === undefined) throw new RangeError(`the price table of ${price.model} has no tiers`);
  return tier;
}

/** The fees of one call in pico-USD: that of the request itself, and those of its web searches. */
export function feesPico(price: ModelPrice, webSearches: number): bigint {
  const perSearch = BigInt(price.feesPicoUsd['webSearches'] ?? 0);
  return BigInt(price.feesPicoUsd[PER_REQUEST_FEE] ?? 0) + BigInt(webSearches) * perSearch;
}

/** The smallest whole number that is not below the quotient. Neither may be negative. */
export function ceilDiv(dividend: bigint, divisor: bigint): bigint {
  return (dividend + divisor - 1n) / divisor;
}

function tokensPico(tier: RateTier, usage: Usage): bigint {
  return (
    BigInt(usage.inputTokens) * BigInt(tier.inputPicoUsd) +
    BigInt(usage.cacheReadTokens) * BigInt(tier.cacheReadPicoUsd) +
    BigInt(usage.cacheWriteTokens) * BigInt(tier.cacheWritePicoUsd) +
    BigInt(usage.cacheWrite1hTokens) * BigInt(tier.cacheWrite1hPicoUsd) +
    BigInt(usage.outputTokens) * BigInt(tier.outputPicoUsd)
  );
}

function permilleOf(price: ModelPrice, modifier: string): bigint | null {
  const permille = Object.hasOwn(price.multipliersPermille, modifier) ? price.multipliersPermille[modifier] : undefined;
  if (permille !== undefined) return BigInt(permille);
  return NEUTRAL_MODIFIERS.has(modifier) ? PERMILLE : null;
}
