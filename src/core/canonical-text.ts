const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
const ARRAY = 0x5b;
const ARRAY_END = 0x5d;
const OBJECT = 0x7b;
const OBJECT_END = 0x7d;
const LETTER_A = 0x61;
const LETTER_Z = 0x7a;
const FIRST_SURROGATE = 0xd800;

/** The escapes that the canonical form has: short ones where there are any, `\u00xx` for other control characters. */
const CANONICAL_ESCAPE = /\\(?:["\\bfnrt]|u00(?:0[0-7be-f]|1[0-9a-f]))/y;
/** Whole numbers of so many digits are exact, and JSON forbids leading zeros: any serialiser writes them as they stand. */
const EXACT_DIGITS = 15;
/** No key has come yet in this container. */
const NO_KEY = -1;

/**
 * Whether a text is in the canonical form of RFC 8785, from the text alone and in one pass: several times faster than
 * serialising the value again. False as well when it nests deeper than `maxDepth`.
 *
 * @param text well-formed JSON: JSON.parse took it
 */
export function isCanonicalText(text: string, maxDepth: number): boolean {
  const lastKeys: number[] = [];
  let surrogates = false;
  let at = 0;
  while (at < text.length) {
    const from = at;
    const unit = text.charCodeAt(at++);
    if (unit === QUOTE) {
      // Written out here: most of a line is strings, and a call for each costs more than its characters.
      let inner = text.charCodeAt(at++);
      while (inner !== QUOTE) {
        if (inner === BACKSLASH) {
          const end = endOfEscape(text, at - 1);
          if (end < 0) return false;
          at = end;
        } else if (inner >= FIRST_SURROGATE) {
          surrogates = true;
        }
        inner = text.charCodeAt(at++);
      }
      if (text.charCodeAt(at) === COLON) {
        const top = lastKeys.length - 1;
        const last = lastKeys[top]!;
        if (last !== NO_KEY && !isKeyBefore(text, last, from)) return false;
        lastKeys[top] = from;
      }
    } else if (unit === COMMA || unit === COLON) {
      continue;
    } else if (unit === OBJECT || unit === ARRAY) {
      if (lastKeys.push(NO_KEY) > maxDepth) return false;
    } else if (unit === OBJECT_END || unit === ARRAY_END) {
      lastKeys.pop();
    } else if (unit === MINUS || (unit >= ZERO && unit <= NINE)) {
      at = endOfNumber(text, from);
      if (at < 0) return false;
    } else if (unit < LETTER_A || unit > LETTER_Z) {
      // What is left is true, false and null, letter by letter, and white space.
      return false;
    }
  }
  return !surrogates || text.isWellFormed();
}

/** Where an escape ends, or -1 when it is not one of the canonical form. */
function endOfEscape(text: string, from: number): number {
  CANONICAL_ESCAPE.lastIndex = from;
  return CANONICAL_ESCAPE.test(text) ? CANONICAL_ESCAPE.lastIndex : -1;
}

/** Whether the key at one quote comes before the key at another, by UTF-16 code units. Equal keys do not. */
function isKeyBefore(text: string, first: number, second: number): boolean {
  let a = first + 1;
  let b = second + 1;
  for (;;) {
    const left = text.charCodeAt(a++);
    const right = text.charCodeAt(b++);
    if (left === BACKSLASH || right === BACKSLASH) return keyAt(text, first) < keyAt(text, second);
    if (left === QUOTE) return right !== QUOTE;
    if (right === QUOTE) return false;
    if (left !== right) return left < right;
  }
}

/** A key as it is meant: keys are ordered by that, not by how they are escaped. */
function keyAt(text: string, from: number): string {
  let end = from + 1;
  while (text.charCodeAt(end) !== QUOTE) end += text.charCodeAt(end) === BACKSLASH ? 2 : 1;
  return JSON.parse(text.slice(from, end + 1)) as string;
}

/** Where a number ends, or -1 when it is not written as ECMAScript writes it. */
function endOfNumber(text: string, from: number): number {
  let at = from;
  let unit = text.charCodeAt(at);
  while (unit >= ZERO && unit <= NINE) unit = text.charCodeAt(++at);
  const isOver = unit === COMMA || unit === OBJECT_END || unit === ARRAY_END;
  if (isOver && at - from <= EXACT_DIGITS) return at;
  while (at < text.length && unit > 0x20 && unit !== COMMA && unit !== OBJECT_END && unit !== ARRAY_END) {
    unit = text.charCodeAt(++at);
  }
  const token = text.slice(from, at);
  return String(Number(token)) === token ? at : -1;
}
