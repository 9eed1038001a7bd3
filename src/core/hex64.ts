const LENGTH = 64;
const DIGITS = '0123456789abcdef';

/** By code unit: 1 where it is a lower-case hex digit. Which digit comes next nobody can guess, so nothing is compared. */
const IS_DIGIT = Uint8Array.from({ length: 128 }, (_, unit) => (DIGITS.includes(String.fromCharCode(unit)) ? 1 : 0));

/** Whether a value is 64 lower-case hex digits, as a SHA-256 is written. */
export function isHex64(value: unknown): value is string {
  if (typeof value !== 'string' || value.length !== LENGTH) return false;
  for (let at = 0; at < LENGTH; at++) {
    if (IS_DIGIT[value.charCodeAt(at)] !== 1) return false;
  }
  return true;
}
