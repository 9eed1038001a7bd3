/** Longest value of a search attribute of type Keyword: a column of 255 characters in the stores of visibility. */
const MAX_KEYWORD = 255;

/** Text as a search attribute holds it: what sets it and what looks for it must cut it the same way. */
export function keywordOf(text: string): string {
  return text.slice(0, MAX_KEYWORD).toWellFormed();
}
