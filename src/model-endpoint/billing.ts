import type { ProtocolName } from './script.ts';

/** One request that the endpoint billed. The counts are honest, whatever the usage on the wire said. */
export interface BilledCall {
  /** When its processing began, ISO 8601. */
  readonly at: string;
  readonly protocol: ProtocolName;
  readonly model: string;
  readonly requestNumber: number;
  /** All input, what was read from the cache included. */
  readonly inputTokens: number;
  readonly cachedTokens: number;
  /** All output, reasoning included. */
  readonly outputTokens: number;
  /** The status that was answered; null when there was no answer. */
  readonly status: number | null;
  /** True when the client did not get the whole answer: it went away, or the answer was cut or never came. It pays all the same. */
  readonly aborted: boolean;
  readonly requestBytes: number;
  readonly maxOutputTokens: number | undefined;
}

/** One request that was refused or failed, and so cost nothing. */
export interface UnbilledRequest {
  readonly at: string;
  readonly protocol: ProtocolName;
  readonly requestNumber: number;
  readonly status: number;
  /** Why; for a failure that the script asked for, the body that was sent. */
  readonly message: string;
}

/** Prices as providers print them. */
export interface TokenPrices {
  readonly inputUsdPerMillion: number;
  readonly outputUsdPerMillion: number;
  /** Price of input that was read from the cache; the price of input when left out. */
  readonly cachedInputUsdPerMillion?: number;
}

const PICO_PER_NANO = 1_000n;

/**
 * What calls cost, in nano-USD, each call rounded up. In integers, and apart from the ledger's own arithmetic on
 * purpose: it is what that is compared with.
 *
 * @throws RangeError when a price is negative, not finite, or finer than a pico-USD a token, or the sum is above 2^53
 */
export function billUsdNano(calls: readonly BilledCall[], prices: TokenPrices): number {
  const input = picoUsdPerToken(prices.inputUsdPerMillion);
  const cached = picoUsdPerToken(prices.cachedInputUsdPerMillion ?? prices.inputUsdPerMillion);
  const output = picoUsdPerToken(prices.outputUsdPerMillion);
  let usdNano = 0n;
  for (const call of calls) {
    const usdPico =
      BigInt(call.inputTokens - call.cachedTokens) * input +
      BigInt(call.cachedTokens) * cached +
      BigInt(call.outputTokens) * output;
    usdNano += (usdPico + PICO_PER_NANO - 1n) / PICO_PER_NANO;
  }
  if (usdNano > BigInt(Number.MAX_SAFE_INTEGER)) throw new RangeError(`${usdNano} nano-USD is above 2^53`);
  return Number(usdNano);
}

/** One USD for a million tokens is a million pico-USD for one. */
function picoUsdPerToken(usdPerMillion: number): bigint {
  const pico = Math.round(usdPerMillion * 1e6);
  if (!(usdPerMillion >= 0) || !Number.isSafeInteger(pico) || pico / 1e6 !== usdPerMillion) {
    throw new RangeError(`${usdPerMillion} USD per million tokens is no price in whole pico-USD a token`);
  }
  return BigInt(pico);
}
