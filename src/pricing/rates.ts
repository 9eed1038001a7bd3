import type { InputKind, RateTier } from '../core/price.ts';
import { picoPerToken } from './decimal.ts';

/** The rates of one tier as price lists give them, in USD per million tokens. */
export interface UsdRates {
  readonly input: number;
  readonly output: number;
  readonly cacheRead?: number | undefined;
  readonly cacheWrite?: number | undefined;
  readonly cacheWrite1h?: number | undefined;
}

/**
 * A row of a price table. What is not listed: cache reads cost what input costs; Anthropic's cache writes cost 1.25 x
 * input and 2 x for an hour (https://platform.claude.com/docs/en/build-with-claude/prompt-caching#pricing), others' what
 * input costs, for an hour what a cache write costs.
 *
 * @throws RangeError when a rate is negative, or no whole number of pico-USD per token
 */
export function tierOf(provider: string, aboveInputTokens: number, rates: UsdRates): RateTier {
  const input = picoPerToken(rates.input);
  const isAnthropic = provider === 'anthropic';
  // Rounded up: a table holds whole pico-USD.
  const writeDefault = isAnthropic ? Math.ceil((input * 5) / 4) : input;
  const cacheWrite = rates.cacheWrite === undefined ? writeDefault : picoPerToken(rates.cacheWrite);
  const write1hDefault = isAnthropic ? input * 2 : cacheWrite;
  return {
    aboveInputTokens,
    inputPicoUsd: input,
    cacheReadPicoUsd: rates.cacheRead === undefined ? input : picoPerToken(rates.cacheRead),
    cacheWritePicoUsd: cacheWrite,
    cacheWrite1hPicoUsd: rates.cacheWrite1h === undefined ? write1hDefault : picoPerToken(rates.cacheWrite1h),
    outputPicoUsd: picoPerToken(rates.output),
  };
}

/** What a request of ours can be billed as: we ask for no cache to be written, and only Anthropic waits to be asked. */
export function billedInputOf(provider: string): readonly InputKind[] {
  return provider === 'anthropic' ? ['input', 'cacheRead'] : ['input', 'cacheRead', 'cacheWrite', 'cacheWrite1h'];
}
