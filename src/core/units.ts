/**
 * Money and time as integers. The ledger counts nano-USD, prices count pico-USD a token: the cheapest rate seen is
 * 5e-9 USD a token, and floats gave 0.00022500000000000002 for a sum that is 0.000225.
 */

/** Nano-USD in one USD. */
export const NANO_PER_USD = 1_000_000_000;

/** Pico-USD in one nano-USD. */
export const PICO_PER_NANO = 1_000n;

/**
 * USD, as people write it, in whole nano-USD.
 *
 * @throws RangeError when the amount is negative, not finite, finer than a nano-USD, or above 9,007,199 USD (2^53 nano-USD)
 */
export function usdToNano(usd: number): number {
  const nano = Math.round(usd * NANO_PER_USD);
  if (!Number.isFinite(usd) || usd < 0 || !Number.isSafeInteger(nano)) {
    throw new RangeError(`${usd} is no amount of USD: give a number from 0 to 9007199`);
  }
  if (nano / NANO_PER_USD !== usd) throw new RangeError(`${usd} USD is finer than a nano-USD (0.000000001)`);
  return nano;
}

/** Nano-USD as USD. Exact when printed: the quotient is the double nearest to the decimal. */
export function nanoToUsd(usdNano: number): number {
  return usdNano / NANO_PER_USD;
}

/** Nano-USD for a person's eyes: `0.0523 USD`, never in exponent form. */
export function formatUsd(usdNano: number): string {
  const text = (Math.abs(usdNano) / NANO_PER_USD).toFixed(9).replace(/0+$/, '');
  const [whole = '0', fraction = ''] = text.split('.');
  return `${usdNano < 0 ? '-' : ''}${whole}.${fraction.padEnd(2, '0')} USD`;
}
