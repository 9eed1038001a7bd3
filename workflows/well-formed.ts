/** A lone surrogate as JSON.stringify writes it. Text that only looks like one is found too, which costs a moment. */
const ESCAPED_SURROGATE = /\\ud[89a-f]/;

/**
 * The same value without lone surrogates. A record with one has no canonical form: no store could ever take it, and the
 * session would wait for the store until its deadline. Names that a model made up are cut, so cuts can leave one.
 *
 * @param json the value's JSON: where it holds none, the value itself is returned
 */
export function wellFormed<T>(value: T, json: string): T {
  return ESCAPED_SURROGATE.test(json) ? (replaced(value) as T) : value;
}

function replaced(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed();
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(replaced);
  return Object.fromEntries(Object.entries(value).map(([key, held]) => [key.toWellFormed(), replaced(held)]));
}
