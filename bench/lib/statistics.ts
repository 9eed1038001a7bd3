/**
 * The value below which a share of the numbers lies, by linear interpolation.
 *
 * @param share from 0 to 1
 * @throws RangeError when there are no numbers
 */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const low = sorted[Math.floor(at)];
  const high = sorted[Math.ceil(at)];
  if (low === undefined || high === undefined) throw new RangeError('there is no quantile of no numbers');
  return low + (high - low) * (at - Math.floor(at));
}

/** Half of the numbers are below it. @throws RangeError when there are no numbers */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}
