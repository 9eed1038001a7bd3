/**
 * A decimal, as a person or a price list wrote it, times a power of ten, as a whole number: `scaleDecimal(0.075, 6)` is
 * 75,000. Works on the digits, since 0.075 * 1e6 in floats need not be whole.
 *
 * @throws RangeError when the amount is negative or not finite, or the product is not whole or above 2^53 - 1
 */
export function scaleDecimal(amount: number, power: number): number {
  const parts = /^(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(amount));
  if (parts === null) throw new RangeError(`${amount} is no price: give a number from 0`);
  const [, whole = '', fraction = '', exponent = '0'] = parts;
  const digits = BigInt(whole + fraction);
  const zeros = power + Number(exponent) - fraction.length;
  const divisor = 10n ** BigInt(Math.max(0, -zeros));
  if (digits % divisor !== 0n)
    throw new RangeError(`${amount} is finer than prices are counted: at most ${power} decimals`);
  const scaled = (digits * 10n ** BigInt(Math.max(0, zeros))) / divisor;
  if (scaled > BigInt(Number.MAX_SAFE_INTEGER)) throw new RangeError(`${amount} is too large for a price`);
  return Number(scaled);
}

/** USD per million tokens as pico-USD per token. @throws RangeError as {@link scaleDecimal} */
export function picoPerToken(usdPerMillion: number): number {
  return scaleDecimal(usdPerMillion, 6);
}

/** USD per thousand uses as pico-USD per use. @throws RangeError as {@link scaleDecimal} */
export function picoPerUse(usdPerThousand: number): number {
  return scaleDecimal(usdPerThousand, 9);
}
