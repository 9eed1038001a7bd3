import type { Usage } from './price.ts';

/** What bounds one call: its input by what was counted and the bytes that are new, its output by the cap that was sent. */
export interface CallBound {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** A usage of which nothing is known yet, as it comes over a wire or out of a history. */
export type UncheckedUsage = { readonly [Key in keyof Usage]?: unknown };

const COUNTS = [
  'inputTokens',
  'cacheReadTokens',
  'cacheWriteTokens',
  'cacheWrite1hTokens',
  'outputTokens',
  'reasoningTokens',
  'webSearches',
] as const;

/** Whether a value is a number of things: a whole number from 0 to 2^53 - 1. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** All kinds of input, summed: what decides the tier. */
export function inputTokensOf(usage: Usage): number {
  return usage.inputTokens + usage.cacheReadTokens + usage.cacheWriteTokens + usage.cacheWrite1hTokens;
}

/** What the ledger's `tokens` dimension counts of a call: all input and all output. Reasoning is inside output. */
export function totalTokens(usage: Usage): number {
  return inputTokensOf(usage) + usage.outputTokens;
}

/** The first count of a usage that is none, in a sentence; null when all are counts. */
export function notACountIn(usage: UncheckedUsage): string | null {
  const key = COUNTS.find((name) => !isCount(usage[name]));
  return key === undefined ? null : `${key} is ${print(usage[key])}, and a count is a whole number from 0`;
}

/**
 * Whether a provider's count can be true of a call that was bounded so. What passes here and has neutral modifiers
 * costs at most `worstCaseNano` of the same bound. No call of ours declares a provider's own tools, so one that was
 * used is impossible too.
 */
export function checkUsage(usage: UncheckedUsage, bound: CallBound): 'ok' | { readonly impossible: string } {
  const bad = notACountIn(usage);
  if (bad !== null) return { impossible: bad };
  const counted = usage as Usage;
  if (counted.reasoningTokens > counted.outputTokens) {
    return {
      impossible: `${counted.reasoningTokens} reasoning tokens are more than the ${counted.outputTokens} output tokens that hold them`,
    };
  }
  const input = inputTokensOf(counted);
  if (input > bound.inputTokens) {
    return { impossible: `${input} input tokens were counted, and the request held at most ${bound.inputTokens}` };
  }
  if (counted.outputTokens > bound.outputTokens) {
    return {
      impossible: `${counted.outputTokens} output tokens were counted, and the request allowed ${bound.outputTokens}`,
    };
  }
  if (counted.webSearches > 0) {
    return { impossible: `${counted.webSearches} web searches were counted, and the request declared none` };
  }
  return 'ok';
}

function print(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 40));
  return typeof value === 'number' || value === undefined ? String(value) : 'no number';
}
