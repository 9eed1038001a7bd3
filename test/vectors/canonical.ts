import { canonicalJson } from '../../src/core/canonical.ts';
import { sha256 } from './play.ts';

/** JSON texts, and their canonical form. Texts are given as strings: an exact input survives any reader of the index. */
const INPUTS: Readonly<Record<string, string>> = {
  'white space': ' { "b" : [ 1 , 2 ] ,\t"a" : null }\n',
  'whole numbers': '[0,-0,1,-1,10,9007199254740991,-9007199254740991,1.0,1e2,100E-2]',
  fractions: '[0.1,0.5,4.50,2e-3,0.000001,0.0000001,1.5e-9,333333333.33333329,0.30000000000000004]',
  'money and seconds': '[0.000000001,0.001234567,9007199.254740991,0.00022500000000000002,3.723]',
  'large numbers': '[1e20,1e21,123456789012345680000,1E30,1.7976931348623157e308,9007199254740993,5e-324]',
  'escapes in strings': String.raw`["\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","\b\f\n\r\t","\u0000\u001f\u007f\u0080\u2028\u2029"]`,
  'astral characters': String.raw`["\ud83d\ude42","🙂","e\u0301","é"]`,
  'members by UTF-16 code units': String.raw`{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7,"":8,"10":9,"2":10,"a":11,"aa":12,"A":13,"a\u0000":14}`,
  'members by what they mean, not by their escapes': String.raw`{"\"":1,"!":2,"#":3,"\\":4,"[":5,"]":6,"\u001f":7}`,
  literals: '[true,false,null,{},[],""]',
  nested: '{"z":{"y":{"x":[{"b":1,"a":2}]}}}',
};

/** Texts that are JSON, and whether they are their own canonical form. */
const TEXTS: readonly (readonly [string, boolean])[] = [
  ['{"a":1,"b":2}', true],
  ['{"b":1,"a":2}', false],
  ['{"a":1,"a":1}', false],
  ['{"a": 1}', false],
  ['[1.0]', false],
  ['[-0]', false],
  ['[1e2]', false],
  ['[1e21]', false],
  ['[1E+21]', false],
  ['[1e+21]', true],
  ['[9007199254740993]', false],
  ['[1e400]', false],
  [String.raw`["\/"]`, false],
  [String.raw`["\u000a"]`, false],
  [String.raw`["\n"]`, true],
  [String.raw`["\u001F"]`, false],
  [String.raw`["\u001f"]`, true],
  [String.raw`["\u00e9"]`, false],
  [String.raw`["\ud800"]`, false],
  ['{"\ufb33":1,"🙂":2}', false],
  ['{"🙂":2,"\ufb33":1}', true],
];

/** The vectors of the canonical form and of the hash. */
export function canonicalVectors(): object {
  return {
    canonical: Object.entries(INPUTS).map(([name, input]) => {
      const canonical = canonicalJson(JSON.parse(input));
      return { name, input, canonical, sha256: sha256(canonical) };
    }),
    texts: TEXTS.map(([text]) => ({ text, canonical: isOwnForm(text) })),
  };
}

/** The list as it was written by hand: what the code finds must be that. */
export const WRITTEN_TEXTS = TEXTS;

function isOwnForm(text: string): boolean {
  try {
    return canonicalJson(JSON.parse(text)) === text;
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}
