import type { Refused, Wire } from './wire.ts';

/** Statuses that OTLP/HTTP calls retryable. Every other one is final. */
const RETRYABLE: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/**
 * OTLP/HTTP with JSON: lines are the elements of one list in a request, and an answer may say that it took only a part.
 *
 * @param list the list's name
 * @param empty a request in which that list is empty
 */
export function otlpWire(list: 'logRecords' | 'spans', empty: object): Wire {
  // A quote inside a string is escaped, so these characters can only be the list itself.
  const [before = '', after = ''] = JSON.stringify(empty).split(`"${list}":[]`);
  return {
    bodyOf: (lines) => `${before}"${list}":[${lines.join(',')}]${after}`,
    isTransient: (status) => RETRYABLE.has(status),
    refusedIn: (answer) => partialSuccess(answer, list === 'spans' ? 'rejectedSpans' : 'rejectedLogRecords'),
  };
}

/** `{ partialSuccess: { rejectedSpans: "2", errorMessage } }`: a 64-bit integer is text, and some send a number. */
function partialSuccess(answer: string, counter: string): Refused | null {
  const partial = objectIn(parse(answer), 'partialSuccess');
  const { [counter]: rejected, errorMessage } = partial;
  const lines = Number(rejected ?? 0);
  const words = typeof errorMessage === 'string' ? errorMessage.slice(0, 200) : '';
  if (Number.isSafeInteger(lines) && lines > 0)
    return { lines, why: `rejected by the receiver: ${words || 'no reason'}` };
  return words === '' ? null : { lines: 0, why: `the receiver says: ${words}` };
}

function objectIn(value: unknown, key: string): Readonly<Record<string, unknown>> {
  const found = (value as Readonly<Record<string, unknown>> | null | undefined)?.[key];
  return typeof found === 'object' && found !== null ? (found as Readonly<Record<string, unknown>>) : {};
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // An answer in protobuf, or none: the status was 2xx, so all of it was taken.
    return null;
  }
}
