/**
 * Equality of what a log may hold. Not by the canonical form: of a line that is not canonical, which is a fault of its own, that
 * need not exist.
 */

/** Whether two lists have the same texts in the same order. */
export function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, index) => text === b[index]);
}

/** Whether two objects have the same names, and the same under each. */
export function sameMembers<T>(
  a: Readonly<Record<string, T>>,
  b: Readonly<Record<string, T>>,
  isSame: (a: T, b: T) => boolean = Object.is,
): boolean {
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  return names.every((name) => Object.hasOwn(b, name) && isSame(a[name] as T, b[name] as T));
}
