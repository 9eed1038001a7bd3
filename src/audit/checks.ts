import { isHex64 } from '../core/hex64.ts';
import { NANO_PER_USD } from '../core/units.ts';
import { isTime } from '../core/time.ts';

/**
 * Checks of a value's form, hand-written because a verifier runs them a million times over. Each returns null, or what
 * is wrong from the value on: `tokens is not a whole number from 0`.
 */
export type Check = ((value: unknown) => string | null) & {
  readonly optional?: true;
  /** What it asks for, in the words of docs/AUDIT.md: a test holds the two together. */
  readonly form: string;
  /** Of an object with fixed members: these. */
  readonly members?: Readonly<Record<string, Check>>;
  /** What is checked when the value is there, or is not null. */
  readonly inner?: Check;
};

/** One check for each member of a type, the optional ones too. */
export type Fields<T> = { readonly [K in keyof T]-?: Check };

/** An object, whatever is in it. */
export const anyObject = formed('object', (value) => (isObject(value) ? null : 'is not an object'));
export const text = formed('text', (value) => (typeof value === 'string' ? null : 'is not text'));
export const flag = formed('flag', (value) => (typeof value === 'boolean' ? null : 'is not true or false'));
/** A flag that is there when it is set. */
export const onlyTrue = formed('true', (value) => (value === true ? null : 'is not true'));
export const count = formed('count', (value) =>
  Number.isSafeInteger(value) && (value as number) >= 0 ? null : 'is not a whole number from 0',
);
/** A number from 0 that need not be whole: USD, seconds. */
export const decimal = formed('decimal', (value) =>
  typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER ? null : 'is not a number from 0',
);
/** What {@link usdToNano} takes: who folds the records must not meet an amount that the ledger can't hold. */
export const usd = formed('usd', (value) => {
  if (typeof value !== 'number' || value < 0) return 'is not a number from 0';
  const nano = Math.round(value * NANO_PER_USD);
  return Number.isSafeInteger(nano) && nano / NANO_PER_USD === value ? null : 'is not an amount in whole nano-USD';
});
/** A number of seconds that is a whole number of milliseconds: a deadline can be counted from it. */
export const seconds = formed('seconds', (value) => {
  if (typeof value !== 'number' || value < 0) return 'is not a number from 0';
  const milliseconds = Math.round(value * 1000);
  return Number.isSafeInteger(milliseconds) && milliseconds / 1000 === value
    ? null
    : 'is not a number of whole milliseconds';
});
export const hex64 = formed('hex64', (value) => (isHex64(value) ? null : 'is not 64 hex digits'));
export const timestamp = formed('time', (value) =>
  isTime(value) ? null : 'is not a time such as 2026-01-31T12:00:00.000Z',
);

export function oneOf(...values: readonly string[]): Check {
  return formed(values.join(', '), (value) =>
    values.includes(value as string) ? null : `is not one of ${values.join(', ')}`,
  );
}

export function orNull(check: Check): Check {
  return Object.assign((value: unknown) => (value === null ? null : check(value)), {
    form: `${check.form} or null`,
    inner: check,
  });
}

/** A member of an object that may be absent. */
export function optional(check: Check): Check {
  return Object.assign((value: unknown) => check(value), { optional: true as const, form: check.form, inner: check });
}

/** An object whose members docs/AUDIT.md lists once, under this name. */
export function named(form: string, check: Check): Check {
  return Object.assign(check, { form });
}

export function listOf(check: Check): Check {
  return formed(`list of ${check.form}`, (value) => {
    if (!Array.isArray(value)) return 'is not a list';
    for (let index = 0; index < value.length; index++) {
      const fault = check(value[index]);
      if (fault !== null) return joined(`[${index}]`, fault);
    }
    return null;
  });
}

/** An object with any keys. */
export function mapOf(check: Check): Check {
  return formed(`object of ${check.form}`, (value) => {
    if (!isObject(value)) return 'is not an object';
    for (const key of Object.keys(value)) {
      if (check(value[key]) !== null) return 'has a member of the wrong form';
    }
    return null;
  });
}

/** An object with these members and no others. */
export function object(fields: Readonly<Record<string, Check>>): Check {
  const members = Object.entries(fields);
  // Side by side, and not as pairs: this loop is where a verifier spends a tenth of its time.
  const memberNames = members.map(([name]) => name);
  const checks = members.map(([, check]) => check);
  const known = new Set(memberNames);
  const checked = (value: unknown): string | null => {
    if (!isObject(value)) return 'is not an object';
    let present = 0;
    for (let index = 0; index < checks.length; index++) {
      const name = memberNames[index]!;
      const check = checks[index]!;
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
  return Object.assign(checked, { form: formOf(members), members: fields });
}

function formOf(members: readonly (readonly [string, Check])[]): string {
  return `{ ${members.map(([name, { form, optional: may }]) => `${name}${may ? '?' : ''}: ${form}`).join(', ')} }`;
}

function formed(form: string, check: (value: unknown) => string | null): Check {
  return Object.assign(check, { form });
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
