const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const ONE = 0x31;
const NINE = 0x39;
const ARRAY = 0x5b;
const ARRAY_END = 0x5d;
const OBJECT = 0x7b;
const OBJECT_END = 0x7d;
const LETTER_A = 0x61;
const LETTER_F = 0x66;
const LETTER_U = 0x75;
const LETTER_Z = 0x7a;
/** U+E000 to U+FFFF begin with one of these bytes in UTF-8; what is above U+FFFF with a larger one. */
const LAST_UNIT_LEADS: readonly number[] = [0xee, 0xef];

/** What stands after a backslash where the escape has two characters: `"`, `\`, b, f, n, r, t. */
const SHORT_ESCAPES: readonly number[] = [QUOTE, BACKSLASH, 0x62, 0x66, 0x6e, 0x72, 0x74];
/** Control characters that have a short escape, and so no other: the last digits of `\u0008`, 9, a, c, d. */
const SHORT_CONTROLS: readonly number[] = [0x38, NINE, LETTER_A, 0x63, 0x64];
/** Numbers of so many digits are exact as doubles, and no shorter text means the same one. */
const EXACT_DIGITS = 15;
/** Zeros after the point from which on ECMAScript writes an exponent: 0.000001, and 1e-7. */
const MOST_LEADING_ZEROS = 5;
/** No number in canonical form is as long. */
const LONGEST_NUMBER = 32;
/** No key has come yet in this container. */
const NO_KEY = -1;

/**
 * Whether a text is in the canonical form of RFC 8785, from the text alone and in one pass: several times faster than
 * serialising the value again. False as well when it nests deeper than `maxDepth`.
 *
 * @param text well-formed JSON: JSON.parse took it
 */
export function isCanonicalText(text: string, maxDepth: number): boolean {
  if (!text.isWellFormed()) return false;
  const bytes = new TextEncoder().encode(text);
  return isCanonicalUtf8(bytes, 0, bytes.length, maxDepth);
}

/**
 * {@link isCanonicalText} of a piece of bytes, which are UTF-8: over bytes it takes less than half the time.
 *
 * @param end where the text ends: the byte before it is its last
 */
export function isCanonicalUtf8(bytes: Uint8Array, start: number, end: number, maxDepth: number): boolean {
  /** Where the last key of the innermost container stands, and those of the ones around it. */
  let lastKey = NO_KEY;
  const outerKeys: number[] = [];
  let at = start;
  while (at < end) {
    const from = at;
    const byte = bytes[at++]!;
    if (byte === QUOTE) {
      // Written out here: most of a line is strings, and a call for each costs more than its characters.
      let inner = bytes[at++]!;
      while (inner !== QUOTE) {
        if (inner === BACKSLASH) {
          at = endOfEscape(bytes, at);
          if (at < 0) return false;
        }
        inner = bytes[at++]!;
      }
      if (bytes[at] === COLON) {
        if (lastKey !== NO_KEY && !isKeyBefore(bytes, lastKey, from)) return false;
        lastKey = from;
        at++;
      }
    } else if (byte === COMMA) {
      continue;
    } else if (byte === MINUS || (byte >= ZERO && byte <= NINE)) {
      at = endOfNumber(bytes, from, end);
      if (at < 0) return false;
    } else if (byte === OBJECT || byte === ARRAY) {
      if (outerKeys.push(lastKey) > maxDepth) return false;
      lastKey = NO_KEY;
    } else if (byte === OBJECT_END || byte === ARRAY_END) {
      lastKey = outerKeys.pop() ?? NO_KEY;
    } else if (byte < LETTER_A || byte > LETTER_Z) {
      // What is left is true, false and null, letter by letter, and white space.
      return false;
    }
  }
  return true;
}

/**
 * Where an escape ends, or -1 when it is not one of the canonical form: short ones where there are any, `\u00xx` with
 * lower-case digits for other control characters.
 *
 * @param at after its backslash
 */
function endOfEscape(bytes: Uint8Array, at: number): number {
  const kind = bytes[at]!;
  if (SHORT_ESCAPES.includes(kind)) return at + 1;
  if (kind !== LETTER_U || bytes[at + 1] !== ZERO || bytes[at + 2] !== ZERO) return -1;
  const high = bytes[at + 3]!;
  const low = bytes[at + 4]!;
  const isDigit = (low >= ZERO && low <= NINE) || (low >= LETTER_A && low <= LETTER_F);
  const isControl = high === ONE ? isDigit : high === ZERO && isDigit && !SHORT_CONTROLS.includes(low);
  return isControl ? at + 5 : -1;
}

/** Whether the key at one quote comes before the key at another, by UTF-16 code units. Equal keys do not. */
function isKeyBefore(bytes: Uint8Array, first: number, second: number): boolean {
  let a = first + 1;
  let b = second + 1;
  for (;;) {
    const left = bytes[a++]!;
    const right = bytes[b++]!;
    if (left === BACKSLASH || right === BACKSLASH) return keyAt(bytes, first) < keyAt(bytes, second);
    if (left === QUOTE) return right !== QUOTE;
    if (right === QUOTE) return false;
    if (left !== right) return rank(left) < rank(right);
  }
}

/** Bytes of UTF-8 in the order of UTF-16: what is above U+FFFF is two surrogates there, and these come before U+E000. */
function rank(byte: number): number {
  return LAST_UNIT_LEADS.includes(byte) ? byte + 0x100 : byte;
}

/** A key as it is meant: keys are ordered by that, not by how they are escaped. */
function keyAt(bytes: Uint8Array, from: number): string {
  let end = from + 1;
  while (bytes[end] !== QUOTE) end += bytes[end] === BACKSLASH ? 2 : 1;
  return JSON.parse(new TextDecoder().decode(bytes.subarray(from, end + 1))) as string;
}

/** Where a number ends, or -1 when it is not written as ECMAScript writes it. */
function endOfNumber(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  let byte = bytes[at]!;
  while (byte >= ZERO && byte <= NINE) byte = bytes[++at]!;
  if (isAfterNumber(byte) && at - from <= EXACT_DIGITS && at > from) return at;
  if (byte === POINT && at > from) {
    const afterDecimal = endOfDecimal(bytes, from, at);
    if (afterDecimal > 0) return afterDecimal;
  }
  while (at < end && byte > 0x20 && !isAfterNumber(byte)) byte = bytes[++at]!;
  if (at - from > LONGEST_NUMBER) return -1;
  const token = String.fromCharCode(...bytes.subarray(from, at));
  return String(Number(token)) === token ? at : -1;
}

/**
 * Where a decimal such as 0.001234567 ends, when its digits alone say that it is canonical: no zero at its end, none too
 * many after the point, and few enough to be exact. -1 when they do not.
 *
 * @param point where its point is, after at least one digit
 */
function endOfDecimal(bytes: Uint8Array, from: number, point: number): number {
  let at = point + 1;
  while (bytes[at] === ZERO) at++;
  if (at - point - 1 > MOST_LEADING_ZEROS && point - from === 1 && bytes[from] === ZERO) return -1;
  let byte = bytes[at]!;
  while (byte >= ZERO && byte <= NINE) byte = bytes[++at]!;
  const isExact = isAfterNumber(byte) && at - from - 1 <= EXACT_DIGITS && bytes[at - 1] !== ZERO && at - 1 > point;
  return isExact ? at : -1;
}

function isAfterNumber(byte: number): boolean {
  return byte === COMMA || byte === OBJECT_END || byte === ARRAY_END;
}
