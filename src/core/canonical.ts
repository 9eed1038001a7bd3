/**
 * The canonical form of JSON, RFC 8785: no white space, keys in the order of their UTF-16 code units, numbers and
 * strings as ECMAScript writes them. Members that are undefined are left out, as JSON.stringify does.
 *
 * Give it what {@link checkJson} accepts. It is built in one closure because it also runs in the workflow's sandbox,
 * where each access to a global or a module goes through a proxy.
 *
 * @throws TypeError for what has no canonical form: NaN, infinities, bigints, functions, symbols, undefined where a
 *   value must be, strings and keys with lone surrogates. RangeError when nested so deep that the stack ends.
 */
export const canonicalJson: (value: unknown) => string = makeCanonicalJson();

function makeCanonicalJson(): (value: unknown) => string {
  const { stringify } = JSON;
  const { keys } = Object;
  const { isArray } = Array;
  const { isFinite } = Number;
  const Refused = TypeError;

  function text(value: string): string {
    if (!value.isWellFormed()) throw new Refused('a string with a lone surrogate has no canonical form');
    return stringify(value);
  }

  function list(items: readonly unknown[]): string {
    let out = '[';
    for (let index = 0; index < items.length; index++) {
      if (index > 0) out += ',';
      out += write(items[index]);
    }
    return `${out}]`;
  }

  function members(value: Readonly<Record<string, unknown>>): string {
    let out = '';
    // Array.prototype.sort without a comparator compares UTF-16 code units: RFC 8785, section 3.2.3.
    for (const key of keys(value).sort()) {
      const member = value[key];
      if (member === undefined) continue;
      out += `${out === '' ? '' : ','}${text(key)}:${write(member)}`;
    }
    return `{${out}}`;
  }

  function write(value: unknown): string {
    switch (typeof value) {
      case 'string':
        return text(value);
      case 'number':
        if (!isFinite(value)) throw new Refused(`${value} has no canonical form`);
        return stringify(value);
      case 'boolean':
        return value ? 'true' : 'false';
      case 'object':
        if (value === null) return 'null';
        return isArray(value) ? list(value) : members(value as Readonly<Record<string, unknown>>);
      default:
        throw new Refused(`${typeof value} has no canonical form`);
    }
  }

  return write;
}
