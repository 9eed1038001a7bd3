/**
 * The text that a tool's answer goes to the model as: a string as it is, undefined as `null`, all else as JSON.
 *
 * @throws TypeError or RangeError for what JSON would drop or blank out without a word (functions, symbols, bigints, Map,
 *   Set, promises), for circles, and for what is too deep or too long to write.
 */
export function answerText(answer: unknown): string {
  if (typeof answer === 'string') return answer.toWellFormed();
  if (answer === undefined) return 'null';
  return JSON.stringify(answer, refuseWhatJsonLoses);
}

function refuseWhatJsonLoses(key: string, value: unknown): unknown {
  const kind = lostKind(value);
  if (kind === null) return value;
  throw new TypeError(
    `${key === '' ? 'the answer' : `"${key.slice(0, 64)}" in the answer`} is ${kind}, which JSON can not hold`,
  );
}

function lostKind(value: unknown): string | null {
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'symbol') return 'a symbol';
  if (typeof value === 'bigint') return 'a bigint (answer with a string or a number)';
  if (value instanceof Map || value instanceof Set) return 'a Map or Set (answer with an object or an array)';
  if (value instanceof Promise) return 'a promise that was not awaited';
  return null;
}
