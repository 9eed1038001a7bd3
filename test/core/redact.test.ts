import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { redactArgs, safeName } from '../../src/core/redact.ts';

const HIDDEN = { showArgs: [], showResult: false };

test('keys and sizes, never values', () => {
  expect(redactArgs({ order: '4521', amount: 50 }, HIDDEN)).toEqual({
    keys: [
      { key: 'order', bytes: 6 },
      { key: 'amount', bytes: 2 },
    ],
    bytes: 28,
  });
});

test('no value of any argument is in a record, whatever it is', () => {
  const secret = 'S3CRET';
  const value = fc.jsonValue().map((inner) => ({ a: [secret, inner], b: { deep: secret } }));
  fc.assert(fc.property(value, (args) => !JSON.stringify(redactArgs(args, HIDDEN)).includes(secret)));
});

test('the values that the contract lists are shown, the others are not', () => {
  const shown = redactArgs(
    { amount: 50, note: 'secret' },
    { showArgs: ['amount', 'absent', '__proto__'], showResult: false },
  );
  expect(shown.shown).toEqual({ amount: 50 });
});

test('a shown value that is long is told by its size', () => {
  const shown = redactArgs({ note: 'x'.repeat(5_000) }, { showArgs: ['note'], showResult: false });
  expect(shown.shown).toEqual({ note: '[5002 bytes, too long to show]' });
});

test.each([null, 'text', 7, [1, 2]])('%j has no keys', (args) => {
  expect(redactArgs(args, HIDDEN).keys).toEqual([]);
});

describe('names that a model made up', () => {
  test.each([
    ['refund', 'refund'],
    ['\u001b[31mred', '?[31mred'],
    ['a\u202eb', 'a?b'],
    ['\ud800', '?'],
    ['x'.repeat(200), `${'x'.repeat(127)}…`],
  ])('%j', (name, safe) => {
    expect(safeName(name)).toBe(safe);
  });
});
