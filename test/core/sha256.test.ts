import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { sha256Hex } from '../../src/core/sha256.ts';

// FIPS 180-4's examples, and NIST's of the empty message and a million times "a".
test.each([
  ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
  ['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
  [
    'abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq',
    '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
  ],
  ['a'.repeat(1_000_000), 'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0'],
])('vector %#', (text, hash) => {
  expect(sha256Hex(text)).toBe(hash);
});

test('every length around the ends of a block', () => {
  for (let length = 0; length <= 200; length++)
    expect(sha256Hex('x'.repeat(length))).toBe(nodeHash('x'.repeat(length)));
});

test('is what node:crypto gives, of any text, lone surrogates too', () => {
  const unit = fc.oneof(
    fc.constantFrom(
      'a',
      '\u0000',
      '\u007f',
      '\u0080',
      '\u07ff',
      '\u0800',
      '\ud7ff',
      '\ue000',
      '\uffff',
      '🙂',
      '\ud800',
      '\udfff',
    ),
    fc.string({ unit: 'binary', maxLength: 2 }),
  );
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 200 }), (text) => {
      expect(sha256Hex(text)).toBe(nodeHash(text));
    }),
    { numRuns: 500 },
  );
});

function nodeHash(text: string): string {
  return createHash('sha256').update(new TextEncoder().encode(text)).digest('hex');
}
