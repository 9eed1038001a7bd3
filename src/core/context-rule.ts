/** When a long conversation is replaced by a summary of it. */
export interface ContextRule {
  /** Tokens that the model's window holds. */
  readonly windowTokens: number;
  /** It is compacted when the next request could fill more than so much of the window, in thousandths. Above 0. */
  readonly compactPermille: number;
}

/** A conversation before the next call of the model, in tokens: upper bounds, as they are reserved. */
export interface TalkSize {
  /** The whole request. */
  readonly boundTokens: number;
  /** The part of it that stays as it is: what a person said and has no answer yet. */
  readonly keptTokens: number;
  /** At which size to look again, after a summary that failed or did not help; 0: there was none. */
  readonly againAboveTokens: number;
}

/** Less than a quarter of the limit is not worth a call of the model. */
const WORTH = 4;
/** By so much of the limit it must have grown after a summary that failed or did not help: none is made twice for nothing. */
const GROWTH = 8;

/** Size in tokens above which a conversation is compacted. */
export function limitTokens({ windowTokens, compactPermille }: ContextRule): number {
  return Math.floor((windowTokens * compactPermille) / 1000);
}

/** Whether a conversation is to be compacted before the next call of the model. */
export function isCompactionDue(rule: ContextRule, { boundTokens, keptTokens, againAboveTokens }: TalkSize): boolean {
  const limit = limitTokens(rule);
  return boundTokens > Math.max(limit, againAboveTokens) && boundTokens - keptTokens >= limit / WORTH;
}

/** At which size to try again after a summary that failed. */
export function againAfterFailure(rule: ContextRule, boundTokens: number): number {
  return boundTokens + Math.ceil(limitTokens(rule) / GROWTH);
}

/**
 * At which size to look again after a summary that was made: 0 where it helped.
 *
 * @param countedTokens what the provider counted for the first request after it
 */
export function againAfterSummary(rule: ContextRule, countedTokens: number): number {
  const step = Math.ceil(limitTokens(rule) / GROWTH);
  return countedTokens > limitTokens(rule) - step ? countedTokens + step : 0;
}
