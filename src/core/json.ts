/**
 * Which values may be hashed, recorded and sent. RFC 7493 (I-JSON), and a little narrower: what another language would
 * read differently is refused here, because libraries for RFC 8785 round, drop or crash on it without a word.
 */

import { isPlainObject } from './values.ts';

/** How deep arrays and objects may be nested, when nothing else is asked for. */
export const MAX_JSON_DEPTH = 64;

/** Longest key that a path shows. */
const MAX_KEY_SHOWN = 64;

interface Fault {
  /** From the outermost key to the value: `.a[3]`. */
  readonly path: string;
  readonly why: string;
}

/**
 * Why a value is not safe JSON, with the path to it (`$.items[3]: not a finite number`), or null when it is. Refused:
 * undefined, functions, symbols, bigints, NaN and infinities, integers beyond 2^53-1 (2^53+1 arrives here as 2^53: what
 * was written can't be known any more), lone surrogates in strings and keys, an own key `__proto__`, holes in arrays,
 * anything but arrays and plain objects, and nesting over `maxDepth` (a circle is that too).
 */
export function checkJson(
  value: unknown,
  limits: { readonly maxDepth: number } = { maxDepth: MAX_JSON_DEPTH },
): string | null {
  const fault = faultOf(value, limits.maxDepth);
  return fault === null ? null : `$${fault.path}: ${fault.why}`;
}

function faultOf(value: unknown, depthLeft: number): Fault | null {
  switch (typeof value) {
    case 'boolean':
      return null;
    case 'string':
      return value.isWellFormed() ? null : here('a string with a lone surrogate');
    case 'number':
      return numberFault(value);
    case 'object':
      if (value === null) return null;
      if (depthLeft <= 0) return here('nested too deep, or in a circle');
      return Array.isArray(value) ? arrayFault(value, depthLeft) : objectFault(value, depthLeft);
    default:
      return here(`${typeof value} is not JSON`);
  }
}

function numberFault(value: number): Fault | null {
  if (!Number.isFinite(value)) return here('not a finite number');
  if (Number.isInteger(value) && !Number.isSafeInteger(value))
    return here('an integer beyond 2^53-1: send it as a string');
  return null;
}

function arrayFault(items: readonly unknown[], depthLeft: number): Fault | null {
  for (let index = 0; index < items.length; index++) {
    const item = items[index];
    if (item === undefined && !(index in items)) return { path: `[${index}]`, why: 'a hole in an array' };
    const fault = faultOf(item, depthLeft - 1);
    if (fault !== null) return { path: `[${index}]${fault.path}`, why: fault.why };
  }
  return null;
}

function objectFault(value: object, depthLeft: number): Fault | null {
  if (!isPlainObject(value)) return here('neither a plain object nor an array');
  for (const key of Object.keys(value)) {
    if (key === '__proto__') return { path: pathOf(key), why: 'a key that is not allowed' };
    if (!key.isWellFormed()) return { path: pathOf(key), why: 'a key with a lone surrogate' };
    const fault = faultOf(value[key], depthLeft - 1);
    if (fault !== null) return { path: `${pathOf(key)}${fault.path}`, why: fault.why };
  }
  return null;
}

function here(why: string): Fault {
  return { path: '', why };
}

function pathOf(key: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(key)) return `.${key}`;
  const shown = key.length <= MAX_KEY_SHOWN ? key : `${key.slice(0, MAX_KEY_SHOWN)}…`;
  return `[${JSON.stringify(shown)}]`;
}
