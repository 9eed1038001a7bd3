import type { MatchLogic } from '@pydantic/genai-prices';

/** `-20250929`, `@20250929`, `-2026-03-17` or `-latest`: what names a release of a model and not another model. */
const RELEASE =
  /(?:[-@]20\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])|-20\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])|-latest)$/;

/** A model's name without its release: `gpt-5.4-mini` of `gpt-5.4-mini-2026-03-17`. */
export function withoutRelease(model: string): string {
  return model.replace(RELEASE, '');
}

/**
 * Whether an entry that a price list found for a name is the entry of just that model. Lists match by prefixes too, and
 * give `claude-sonnet-5-5` the price of `claude-sonnet-5`: only the entry's own names count, with or without a release.
 */
export function isExactly(requested: string, entry: { readonly id: string; readonly match: MatchLogic }): boolean {
  const names = [entry.id, ...namesIn(entry.match)];
  return names.some((name) => name === requested || (name !== '' && name === withoutRelease(requested)));
}

function namesIn(match: MatchLogic): string[] {
  if ('or' in match) return match.or.flatMap(namesIn);
  if ('equals' in match) return [match.equals];
  if ('starts_with' in match) return [match.starts_with];
  return [];
}
