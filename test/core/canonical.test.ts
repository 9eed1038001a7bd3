import canonicalize from 'canonicalize';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isCanonicalText } from '../../src/core/canonical-text.ts';
import { canonicalJson } from '../../src/core/canonical.ts';

/** A double by its bits, as RFC 8785's appendix B gives them. */
function double(bits: string): number {
  return new DataView(Buffer.from(bits, 'hex').buffer, Buffer.from(bits, 'hex').byteOffset).getFloat64(0);
}

const anyText = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('"', '\\', '\u0000', '\n', '\u001f', '\u007f', '\u2028', 'é', '\ufb33', '🙂') }),
);
const anyNumber = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.constantFrom(-0, 1e21, 1e-7, 5e-324, 0.1),
);
const { value: anyJson } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    anyText,
    anyNumber,
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    tie('object'),
  ),
  object: fc.dictionary(fc.oneof(anyText, fc.constantFrom('1', '10', '9', '2', 'a', '__proto_')), tie('value'), {
    maxKeys: 5,
  }),
}));

describe('canonicalJson', () => {
  // RFC 8785, appendix B.
  test.each([
    ['0000000000000000', '0'],
    ['8000000000000000', '0'],
    ['0000000000000001', '5e-324'],
    ['8000000000000001', '-5e-324'],
    ['7fefffffffffffff', '1.7976931348623157e+308'],
    ['ffefffffffffffff', '-1.7976931348623157e+308'],
    ['4340000000000000', '9007199254740992'],
    ['c340000000000000', '-9007199254740992'],
    ['4430000000000000', '295147905179352830000'],
    ['44b52d02c7e14af5', '9.999999999999997e+22'],
    ['44b52d02c7e14af6', '1e+23'],
    ['44b52d02c7e14af7', '1.0000000000000001e+23'],
    ['444b1ae4d6e2ef4e', '999999999999999700000'],
    ['444b1ae4d6e2ef4f', '999999999999999900000'],
    ['444b1ae4d6e2ef50', '1e+21'],
    ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
    ['3eb0c6f7a0b5ed8d', '0.000001'],
    ['41b3de4355555553', '333333333.3333332'],
    ['41b3de4355555557', '333333333.33333343'],
    ['becbf647612f3696', '-0.0000033333333333333333'],
    ['43143ff3c1cb0959', '1424953923781206.2'],
  ])('writes the double %s as %s', (bits, text) => {
    expect(canonicalJson(double(bits))).toBe(text);
  });

  test('writes the example of RFC 8785, section 3.2.2', () => {
    const text = String.raw`{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }`;
    expect(canonicalJson(JSON.parse(text))).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
  });

  test('sorts keys by UTF-16 code units: RFC 8785, section 3.2.3', () => {
    const value = {
      '\u20ac': 'Euro',
      '\r': 'CR',
      '\ufb33': 'Dalet',
      '1': 'One',
      '\ud83d\ude00': 'Smiley',
      '\u0080': 'Control',
      '\u00f6': 'o',
    };
    expect(Object.values(JSON.parse(canonicalJson(value)) as Record<string, string>).sort()).toEqual(
      Object.values(value).sort(),
    );
    expect([...canonicalJson(value).matchAll(/:"(\w+)"/g)].map(([, name]) => name)).toEqual([
      'CR',
      'One',
      'Control',
      'o',
      'Euro',
      'Smiley',
      'Dalet',
    ]);
  });

  test('leaves undefined members out, and refuses what is not JSON', () => {
    expect(canonicalJson({ b: 1, a: undefined })).toBe('{"b":1}');
    for (const value of [NaN, Infinity, 1n, undefined, () => 1, Symbol('s'), '\ud800', { '\udc00': 1 }, [undefined]]) {
      expect(() => canonicalJson(value)).toThrow(TypeError);
    }
  });

  test('is what another implementation writes', () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        fc.pre(isWellFormed(value));
        expect(canonicalJson(value)).toBe(canonicalize(value));
      }),
      { numRuns: 500 },
    );
  });
});

describe('isCanonicalText', () => {
  test.each([
    ['{"a":1,"b":[{},[],"",true,false,null,-1.5e-7]}', true],
    ['{"10":1,"9":2}', true],
    ['{"9":2,"10":1}', false],
    ['{"a":1,"a":1}', false],
    ['{"b":1,"a":1}', false],
    ['{"a":{"z":1},"b":{"a":1}}', true],
    ['[{"b":1},{"a":1}]', true],
    ['{"a": 1}', false],
    ['{"a":1 }', false],
    [' {"a":1}', false],
    ['{"a":1}\r', false],
    ['{"a":1.0}', false],
    ['{"a":1E5}', false],
    ['{"a":-0}', false],
    ['{"a":9007199254740993}', false],
    ['"\\u0041"', false],
    ['"\\/"', false],
    ['"\\u000A"', false],
    ['"\\n\\u001f\\"\\\\\\u0000"', true],
    ['"\\u000a"', false],
    ['"\\ud800"', false],
    ['"\ud800"', false],
    ['"🙂"', true],
    ['{"\\"":1,"a":2}', true],
    ['{"a":2,"\\"":1}', false],
    ['{"a":1,"a\\n":2}', true],
    ['{"\ud83d\ude00":1,"\ufb33":2}', true],
    ['{"\ufb33":2,"\ud83d\ude00":1}', false],
  ])('%j: %s', (text, expected) => {
    expect(isCanonicalText(text, 10)).toBe(expected);
  });

  test('refuses what nests too deep', () => {
    expect(isCanonicalText('[[[]]]', 3)).toBe(true);
    expect(isCanonicalText('[[[]]]', 2)).toBe(false);
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    expect(isCanonicalText(deep, 128)).toBe(false);
  });

  test('agrees with writing the value again', () => {
    const anyWriting = fc.tuple(anyJson, fc.constantFrom('', ' '), fc.boolean()).map(([value, indent, sorted]) => {
      return sorted && isWellFormed(value) ? canonicalJson(value) : JSON.stringify(value, null, indent);
    });
    fc.assert(
      fc.property(anyWriting, (text) => {
        const value: unknown = JSON.parse(text);
        expect(isCanonicalText(text, 100)).toBe(isCanonical(value, text));
      }),
      { numRuns: 1000 },
    );
  });

  test('agrees after any change of one character', () => {
    fc.assert(
      fc.property(
        anyJson,
        fc.nat(),
        fc.constantFrom(...' \\"u01a:,.eE+-{}[]/n'.split('')),
        (value, position, character) => {
          fc.pre(isWellFormed(value));
          const text = canonicalJson(value);
          const at = position % text.length;
          const changed = text.slice(0, at) + character + text.slice(at + 1);
          const parsed = parse(changed);
          fc.pre(parsed !== undefined);
          expect(isCanonicalText(changed, 100)).toBe(isCanonical(parsed, changed));
        },
      ),
      { numRuns: 2000 },
    );
  });
});

function isWellFormed(value: unknown): boolean {
  return !/\\ud[89a-f]/.test(JSON.stringify(value).replaceAll('\\\\', ''));
}

/** The oracle: false as well for what has no canonical form, 1e999 and lone surrogates. */
function isCanonical(value: unknown, text: string): boolean {
  try {
    return canonicalJson(value) === text;
  } catch {
    return false;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
