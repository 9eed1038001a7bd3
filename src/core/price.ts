/** What tokens cost: a frozen table, in pico-USD a token, and two pure questions: what did this cost, what can it cost at most. */

/** One row of a price table: the rates that apply to a whole request whose input is above `aboveInputTokens`. */
export interface RateTier {
  /** Exclusive: the tier applies when the request's input, cache included, is larger. 0 for the base tier. */
  readonly aboveInputTokens: number;
  readonly inputPicoUsd: number;
  readonly cacheReadPicoUsd: number;
  readonly cacheWritePicoUsd: number;
  readonly cacheWrite1hPicoUsd: number;
  /** Reasoning tokens are output. */
  readonly outputPicoUsd: number;
}

/** A kind of input, as it is billed. */
export type InputKind = 'input' | 'cacheRead' | 'cacheWrite' | 'cacheWrite1h';

/** The prices of one model, frozen into a contract so that every cost can be recomputed. */
export interface ModelPrice {
  /** Where the table is from, for example `genai-prices` or `aegrail.yaml`. */
  readonly source: string;
  readonly sourceVersion: string;
  /** The id of the model in that source, matched exactly. */
  readonly model: string;
  /** Ascending by `aboveInputTokens`; the first has 0. */
  readonly tiers: readonly RateTier[];
  /**
   * What the input of a request of ours can be billed as, which the worst case counts with. Anthropic writes its cache only
   * when a request asks for it, and none of ours does; OpenAI decides by itself.
   */
  readonly billedInput: readonly InputKind[];
  /** Fee of one use of a provider's own tool, by the name of its usage count (`webSearches`); under `requests`, that of each call. */
  readonly feesPicoUsd: Readonly<Record<string, number>>;
  /** Multipliers that come with a response, in thousandths, by `field=value`: `service_tier=flex` is 500. */
  readonly multipliersPermille: Readonly<Record<string, number>>;
}

/** What a provider counted for one call. The kinds of input are disjoint and add up; reasoning is inside output. */
export interface Usage {
  readonly inputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
  readonly cacheWrite1hTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
  readonly webSearches: number;
  /** What the response says about how it was billed: `{ service_tier: 'default' }`. */
  readonly modifiers: Readonly<Record<string, string>>;
}
