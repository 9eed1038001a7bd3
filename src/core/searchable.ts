/**
 * What a session does, in one word. `idle`: it waits for what is said next; `approval`, `budget`: for a person who approves
 * a call, or raises a budget.
 */
export type SessionPhase = 'running' | 'idle' | 'approval' | 'budget' | 'paused' | 'ended';

/**
 * Search attributes of a session in Temporal, all of type Keyword: `aegrail search-attributes` registers them. What is in
 * them is in clear, whatever payloads are encrypted with: {@link SEARCH_ATTRIBUTES.user} is left out then.
 */
export const SEARCH_ATTRIBUTES = {
  agent: 'AegrailAgent',
  user: 'AegrailUser',
  /** A {@link SessionPhase}. */
  state: 'AegrailState',
  /** An outcome of a SessionResult, from the end on. */
  outcome: 'AegrailOutcome',
} as const;
/** A key of {@link SEARCH_ATTRIBUTES}. */
export type Searchable = keyof typeof SEARCH_ATTRIBUTES;

/** Longest value of a search attribute of type Keyword: a column of 255 characters in the stores of visibility. */
const MAX_KEYWORD = 255;

/** Text as a search attribute holds it: what sets it and what looks for it must cut it the same way. */
export function keywordOf(text: string): string {
  return text.slice(0, MAX_KEYWORD).toWellFormed();
}
