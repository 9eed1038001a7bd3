/** Small questions about plain values, without Node's or a browser's globals: they run in a workflow too. */

/** An object made by `{}` or JSON.parse, not an array, not a class instance. */
export function isPlainObject(value: unknown): value is { readonly [key: string]: unknown } {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // In a workflow's context JSON.parse may be the host's: an object's prototype is then another realm's.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Whether a value is text of at most `max` UTF-16 units, with no half of a surrogate pair. */
export function isText(value: unknown, max: number): value is string {
  return typeof value === 'string' && value.length <= max && value.isWellFormed();
}

/** {@link isText} in one line, without control characters. */
export function isLine(value: unknown, max: number): value is string {
  return isText(value, max) && !/\p{Cc}/u.test(value);
}

/** {@link isLine} with more than blanks in it. */
export function isFilledLine(value: unknown, max: number): value is string {
  return isLine(value, max) && value.trim() !== '';
}

/** Length of a text in UTF-8. A lone surrogate counts as the three bytes of U+FFFD. */
export function utf8Bytes(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) continue;
    if (unit < 0x800) bytes += 1;
    else if (unit >= 0xd800 && unit < 0xdc00 && isLowSurrogate(text.charCodeAt(index + 1))) {
      bytes += 2;
      index++;
    } else bytes += 2;
  }
  return bytes;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000;
}
