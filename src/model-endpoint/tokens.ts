/** A count of tokens: pure, and never falling when text is added at the end. */
export type CountTokens = (text: string) => number;

const LETTERS_PER_TOKEN = 8;
const DIGITS_PER_TOKEN = 3;
const PUNCTUATION_PER_TOKEN = 3;
const SPACES_PER_TOKEN = 16;

/**
 * Counts tokens the way byte-pair encoders roughly do: words in pieces with the space before them, digits in threes, about
 * four bytes a token in English. The same text always has the same count, and it is never above its bytes in UTF-8.
 */
export function countTokens(text: string): number {
  let tokens = 0;
  let at = 0;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code >= 0x80) {
      const codePoint = text.codePointAt(at) ?? code;
      tokens += codePoint < 0x800 ? 1 : 2;
      at += codePoint > 0xffff ? 2 : 1;
      continue;
    }
    if (code === SPACE && isLetter(text.charCodeAt(at + 1))) at += 1;
    at = endOfPiece(text, at);
    tokens += 1;
  }
  return tokens;
}

/**
 * The longest beginning of a text that has at most so many tokens, with no character cut in two.
 *
 * @param count must not fall when text is added at the end
 */
export function cutToTokens(text: string, maxTokens: number, count: CountTokens): string {
  // A short beginning is counted first and doubled: a text of megabytes is not counted over and over.
  let low = 0;
  let high = Math.min(text.length, Math.max(16, maxTokens));
  while (high < text.length && count(text.slice(0, high)) <= maxTokens) {
    low = high;
    high = Math.min(text.length, high * 2);
  }
  if (high === text.length && count(text) <= maxTokens) return text;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (count(text.slice(0, middle)) <= maxTokens) low = middle;
    else high = middle;
  }
  const splitsPair = low > 0 && (text.codePointAt(low - 1) ?? 0) > 0xffff;
  return text.slice(0, splitsPair ? low - 1 : low);
}

const SPACE = 0x20;

function endOfPiece(text: string, start: number): number {
  const code = text.charCodeAt(start);
  const [belongs, longest] = isLetter(code)
    ? ([isLetter, LETTERS_PER_TOKEN] as const)
    : isDigit(code)
      ? ([isDigit, DIGITS_PER_TOKEN] as const)
      : isSpace(code)
        ? ([isSpace, SPACES_PER_TOKEN] as const)
        : ([isPunctuation, PUNCTUATION_PER_TOKEN] as const);
  let end = start + 1;
  while (end < start + longest && end < text.length && belongs(text.charCodeAt(end))) end += 1;
  return end;
}

function isLetter(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a);
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function isSpace(code: number): boolean {
  return code === SPACE || (code >= 0x09 && code <= 0x0d);
}

function isPunctuation(code: number): boolean {
  return code < 0x80 && !isLetter(code) && !isDigit(code) && !isSpace(code);
}
