import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson } from '../../src/core/canonical.ts';
import { checkJson, MAX_JSON_DEPTH } from '../../src/core/json.ts';
import { isPlainObject, utf8Bytes } from '../../src/core/values.ts';

function nested(depth: number): unknown {
  let value: unknown = [];
  for (let level = 1; level < depth; level++) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

const circle: unknown[] = [];
circle.push({ again: circle });

class Point {
  readonly x = 1;
}

describe('checkJson', () => {
  test('lets JSON through', () => {
    const value = { a: [1, -0.5, 1e-7, true, null, 'ü🙂'], '': {}, ' ': Number.MAX_SAFE_INTEGER };
    expect(checkJson(value)).toBeNull();
    expect(checkJson('text')).toBeNull();
    expect(checkJson(Object.assign(Object.create(null), { a: 1 }))).toBeNull();
  });

  test.each<readonly [string, unknown, string]>([
    ['undefined', { a: undefined }, '$.a: undefined is not JSON'],
    ['a function', { a: () => 1 }, '$.a: function is not JSON'],
    ['a symbol', [Symbol('s')], '$[0]: symbol is not JSON'],
    ['a bigint', { a: [1, 2n] }, '$.a[1]: bigint is not JSON'],
    ['NaN', NaN, '$: not a finite number'],
    ['infinity', { 'a b': -Infinity }, '$["a b"]: not a finite number'],
    [
      '2^53+1, as it was written',
      JSON.parse('{"n":9007199254740993}'),
      '$.n: an integer beyond 2^53-1: send it as a string',
    ],
    ['-2^53', -(2 ** 53), '$: an integer beyond 2^53-1: send it as a string'],
    ['1e300', 1e300, '$: an integer beyond 2^53-1: send it as a string'],
    ['a lone surrogate', { s: 'a\ud800' }, '$.s: a string with a lone surrogate'],
    ['a lone surrogate in a key', { '\udc00': 1 }, '$["\\udc00"]: a key with a lone surrogate'],
    ['a key __proto__', JSON.parse('{"a":{"__proto__":1}}'), '$.a.__proto__: a key that is not allowed'],
    ['a Map', { m: new Map() }, '$.m: neither a plain object nor an array'],
    ['a Date', new Date(0), '$: neither a plain object nor an array'],
    ['an instance', [new Point()], '$[0]: neither a plain object nor an array'],
    // oxlint-disable-next-line no-sparse-arrays
    ['a hole', [1, , 2], '$[1]: a hole in an array'],
    ['an empty array of a huge length', Object.assign([], { length: 2 ** 32 - 1 }), '$[0]: a hole in an array'],
  ])('refuses %s', (_, value, why) => {
    expect(checkJson(value)).toBe(why);
  });

  test('stops at the depth limit, however deep it goes on', () => {
    expect(checkJson(nested(MAX_JSON_DEPTH))).toBeNull();
    expect(checkJson(nested(MAX_JSON_DEPTH + 1))).toMatch(/nested too deep/);
    expect(checkJson(nested(20_000))).toMatch(/nested too deep/);
    expect(checkJson(circle)).toMatch(/nested too deep/);
    expect(checkJson(nested(3), { maxDepth: 2 })).toMatch(/nested too deep/);
    expect(checkJson(1, { maxDepth: 0 })).toBeNull();
  });

  test('cuts a long key in its message', () => {
    expect(checkJson({ ['k'.repeat(10_000)]: NaN })?.length).toBeLessThan(120);
  });

  test('what it lets through has a canonical form, and comes back the same from it', () => {
    const withOddities = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withNullPrototype: true,
      withSparseArray: true,
    });
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), withOddities), (value) => {
        fc.pre(checkJson(value) === null);
        const back: unknown = JSON.parse(canonicalJson(value));
        expect(checkJson(back)).toBeNull();
        expect(canonicalJson(back)).toBe(canonicalJson(value));
        // RFC 8785 writes -0 as 0, and a prototype is none of JSON's.
        expect(back).toEqual(JSON.parse(JSON.stringify(value)));
      }),
      { numRuns: 200 },
    );
  });
});

test('isPlainObject takes literals and what JSON.parse makes', () => {
  expect([{}, JSON.parse('{}'), Object.create(null)].every(isPlainObject)).toBe(true);
  expect([[], null, 'x', new Map(), new Point(), () => 1].some(isPlainObject)).toBe(false);
});

test('utf8Bytes counts as TextEncoder does', () => {
  fc.assert(
    fc.property(
      fc.string({
        unit: fc.oneof(fc.constantFrom('a', 'é', '€', '🙂', '\ud800', '\udc00'), fc.string({ unit: 'binary' })),
      }),
      (text) => {
        expect(utf8Bytes(text)).toBe(new TextEncoder().encode(text).length);
      },
    ),
  );
});
