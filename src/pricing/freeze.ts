import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import type { ModelPrice as ListedPrice, ModelInfo } from '@pydantic/genai-prices';
import { PER_REQUEST_FEE } from '../core/cost.ts';
import type { ModelPrice } from '../core/price.ts';
import { picoPerUse } from './decimal.ts';
import { findListed } from './listed.ts';
import { multipliersOf } from './multipliers.ts';
import type { PriceOverride } from './override.ts';
import { priceOfOverride } from './override.ts';
import { billedInputOf, tierOf } from './rates.ts';

/** Which model's price is asked for, and of which day. */
export interface PriceRequest {
  readonly provider: string;
  /** The name that is sent to the provider. */
  readonly model: string;
  /** Prices change: the table is that of this moment. */
  readonly at: Date;
  /** The price in the contract file, which goes before every list. */
  readonly overrides?: PriceOverride | undefined;
}

const LIBRARY = '@pydantic/genai-prices';

/** Keys that the table below holds. */
const PRICED_KEYS: ReadonlySet<string> = new Set([
  'input_mtok',
  'output_mtok',
  'cache_read_mtok',
  'cache_write_mtok',
  'cache_write_1h_mtok',
  'web_searches_kcount',
  'requests_kcount',
]);

/** Rates that a text request does not meet: other media, and tools of the provider's that we do not declare. */
const UNUSED_KEY = /audio|image|video|storage_searches/;

/**
 * The price table of a model, from genai-prices or from the contract file. Null when the list does not have just this
 * model of this provider, or prices it in a way that a table can't hold: by the time of day, or reasoning apart.
 *
 * @throws RangeError when a price is negative, or finer than a pico-USD a token
 */
export function freezePrice({ provider, model, at, overrides }: PriceRequest): ModelPrice | null {
  if (overrides !== undefined) return priceOfOverride(provider, model, overrides);

  const listed = findListed(provider, model, at);
  if (listed === null) return null;
  if (hasPriceOfDaytime(listed.model) || !Object.keys(listed.model_price).every(isHeld)) return null;

  const { tiers, fees } = countable(`${provider}/${model}`, () => ({
    tiers: tiersOf(provider, listed.model_price),
    fees: feesOf(listed.model_price),
  }));
  if (tiers === null || fees === null) return null;
  return {
    source: 'genai-prices',
    sourceVersion: libraryVersion(),
    model: listed.model.id,
    tiers,
    billedInput: billedInputOf(provider),
    feesPicoUsd: fees,
    multipliersPermille: multipliersOf(provider, model),
  };
}

function countable<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new RangeError(
      `${LIBRARY} lists ${name} at a price that can't be counted (${error.message}): give its price in the contract file`,
      { cause: error },
    );
  }
}

function isHeld(key: string): boolean {
  return PRICED_KEYS.has(key) || UNUSED_KEY.test(key);
}

function hasPriceOfDaytime(model: ModelInfo): boolean {
  return Array.isArray(model.prices) && model.prices.some((price) => price.constraint?.type === 'time_of_date');
}

/** A list's `start` is exclusive, as our `aboveInputTokens` is: gpt-5.5 has 271,999 and switches at 272,000. */
function tiersOf(provider: string, listed: ListedPrice): ModelPrice['tiers'] | null {
  const starts = Object.values(listed).flatMap((price) =>
    typeof price === 'object' ? price.tiers.map((tier) => tier.start) : [],
  );
  const rows = [...new Set([0, ...starts])].toSorted((a, b) => a - b);
  if (rateAbove(listed, 'input_mtok', 0) === undefined || rateAbove(listed, 'output_mtok', 0) === undefined)
    return null;
  return rows.map((above) =>
    tierOf(provider, above, {
      input: rateAbove(listed, 'input_mtok', above) ?? 0,
      output: rateAbove(listed, 'output_mtok', above) ?? 0,
      cacheRead: rateAbove(listed, 'cache_read_mtok', above),
      cacheWrite: rateAbove(listed, 'cache_write_mtok', above),
      cacheWrite1h: rateAbove(listed, 'cache_write_1h_mtok', above),
    }),
  );
}

function rateAbove(listed: ListedPrice, key: string, above: number): number | undefined {
  const price = listed[key];
  if (typeof price !== 'object') return price;
  const reached = price.tiers.filter((tier) => tier.start <= above).toSorted((a, b) => a.start - b.start);
  return reached.at(-1)?.price ?? price.base;
}

function feesOf(listed: ListedPrice): Record<string, number> | null {
  const fees: Record<string, number> = {};
  for (const [key, name] of [
    ['web_searches_kcount', 'webSearches'],
    ['requests_kcount', PER_REQUEST_FEE],
  ] as const) {
    const price = listed[key];
    if (price === undefined) continue;
    if (typeof price === 'object') return null;
    fees[name] = picoPerUse(price);
  }
  return fees;
}

/** The installed version of the list. Its package.json is not exported, so it is read beside the entry point. */
function libraryVersion(): string {
  const entry = createRequire(import.meta.url).resolve(LIBRARY);
  const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', pathToFileURL(entry)), 'utf8'));
  if (
    typeof manifest === 'object' &&
    manifest !== null &&
    'version' in manifest &&
    typeof manifest.version === 'string'
  ) {
    return manifest.version;
  }
  throw new Error(`the package.json of ${LIBRARY} names no version`);
}
