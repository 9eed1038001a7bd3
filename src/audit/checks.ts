/**
 * Checks of a value's form, hand-written because a verifier runs them a million times over. Each returns null, or what
 * is wrong from the value on: `tokens is not a whole number from 0`.
 */
export type Check = ((value: unknown) => string | null) & { readonly optional?: true };

/** One check for each member of a type, the optional ones too. */
export type Fields<T> = { readonly [K in keyof T]-?: Check };

const TIMESTAMP = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;
const HEX_64 = /^[0-9a-f]{64}$/;

/** An object, whatever is in it. */
export const anyObject: Check = (value) => (isObject(value) ? null : 'is not an object');
export const text: Check = (value) => (typeof value === 'string' ? null : 'is not text');
export const flag: Check = (value) => (typeof value === 'boolean' ? null : 'is not true or false');
export const count: Check = (value) =>
  Number.isSafeInteger(value) && (value as number) >= 0 ? null : 'is not a whole number from 0';
/** A number from 0 whose integers are exact: money in USD, seconds, milliseconds. */
export const amount: Check = (value) =>
  typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER ? null : 'is not a number from 0';
export const hex64: Check = (value) =>
  typeof value === 'string' && HEX_64.test(value) ? null : 'is not 64 hex digits';
export const timestamp: Check = (value) =>
  typeof value === 'string' && TIMESTAMP.test(value) ? null : 'is not a time such as 2026-01-31T12:00:00.000Z';

export function oneOf(...values: readonly string[]): Check {
  return (value) => (values.includes(value as string) ? null : `is not one of ${values.join(', ')}`);
}

export function orNull(check: Check): Check {
  return (value) => (value === null ? null : check(value));
}

/** A member of an object that may be absent. */
export function optional(check: Check): Check {
  return Object.assign((value: unknown) => check(value), { optional: true as const });
}

export function listOf(check: Check): Check {
  return (value) => {
    if (!Array.isArray(value)) return 'is not a list';
    for (let index = 0; index < value.length; index++) {
      const fault = check(value[index]);
      if (fault !== null) return joined(`[${index}]`, fault);
    }
    return null;
  };
}

/** An object with any keys. */
export function mapOf(check: Check): Check {
  return (value) => {
    if (!isObject(value)) return 'is not an object';
    for (const key of Object.keys(value)) {
      if (check(value[key]) !== null) return 'has a member of the wrong form';
    }
    return null;
  };
}

/** An object with these members and no others. */
export function object(fields: Readonly<Record<string, Check>>): Check {
  const members = Object.entries(fields);
  const known = new Set(Object.keys(fields));
  return (value) => {
    if (!isObject(value)) return 'is not an object';
    let present = 0;
    for (const [name, check] of members) {
      const member = value[name];
      if (member === undefined) {
        if (check.optional) continue;
        return `${name} is missing`;
      }
      present += 1;
      const fault = check(member);
      if (fault !== null) return joined(name, fault);
    }
    const names = Object.keys(value);
    if (names.length === present) return null;
    return `${shown(names.find((name) => !known.has(name)))} is not a member that belongs here`;
  };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `a` and `is not text` are `a is not text`; `a` and `b is not text` are `a.b is not text`. */
function joined(name: string, fault: string): string {
  if (/^(is|has) /.test(fault)) return `${name} ${fault}`;
  return fault.startsWith('[') ? `${name}${fault}` : `${name}.${fault}`;
}

/** A name from a file that may be anybody's, fit for a terminal. */
function shown(name: string | undefined): string {
  return JSON.stringify((name ?? '').slice(0, 64)).replace(/[^\x20-\x7e]/g, '?');
}
