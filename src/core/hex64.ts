const LENGTH = 64;

/** By code unit: whether it is a lower-case hex digit. Several times faster than comparing: which digit comes next, nobody can guess. */
const IS_DIGIT: readonly boolean[] = Array.from({ length: 128 }, (_, unit) =>
  '0123456789abcdef'.includes(String.fromCharCode(unit)),
);

/** Whether a value is 64 lower-case hex digits, as a SHA-256 is written. */
export function isHex64(value: unknown): value is string {
  if (typeof value !== 'string' || value.length !== LENGTH) return false;
  for (let at = 0; at < LENGTH; at++) {
    if (IS_DIGIT[value.charCodeAt(at)] !== true) return false;
  }
  return true;
}
