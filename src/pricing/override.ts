import { CONTRACT_FORMAT } from '../core/contract.ts';
import { PER_REQUEST_FEE } from '../core/cost.ts';
import type { ModelPrice } from '../core/price.ts';
import { scaleDecimal } from './decimal.ts';
import { billedInputOf, tierOf } from './rates.ts';

/** A price that the contract file gives. Zero is a price: a local model has it. */
export interface PriceOverride {
  readonly inputUsdPerMillion: number;
  readonly outputUsdPerMillion: number;
  readonly cacheReadUsdPerMillion?: number | undefined;
  readonly cacheWriteUsdPerMillion?: number | undefined;
  /** Fee of each request, in USD. */
  readonly requestUsd?: number | undefined;
}

/**
 * The price table of an override: one tier, no multipliers, since the file does not say what a flex call costs.
 *
 * @throws RangeError when a price is negative, or finer than a pico-USD a token (six decimals)
 */
export function priceOfOverride(provider: string, model: string, override: PriceOverride): ModelPrice {
  const tier = tierOf(provider, 0, {
    input: override.inputUsdPerMillion,
    output: override.outputUsdPerMillion,
    cacheRead: override.cacheReadUsdPerMillion,
    cacheWrite: override.cacheWriteUsdPerMillion,
  });
  const fees: Record<string, number> =
    override.requestUsd === undefined ? {} : { [PER_REQUEST_FEE]: scaleDecimal(override.requestUsd, 12) };
  return {
    source: 'aegrail.yaml',
    sourceVersion: String(CONTRACT_FORMAT),
    model,
    tiers: [tier],
    billedInput: billedInputOf(provider),
    feesPicoUsd: fees,
    multipliersPermille: {},
  };
}
