import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countTokens, cutToTokens } from '../../src/model-endpoint/tokens.ts';

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.string({ unit: 'grapheme', maxLength: 200 }),
  // Every UTF-16 code unit by itself, so that surrogates stand alone too.
  fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units)),
  fc
    .array(fc.constantFrom('a', ' ', '  ', 'word', '{"', '12345', 'é', '漢', '😀', '\n'))
    .map((parts) => parts.join('')),
);

describe('countTokens', () => {
  it('is never above the bytes in UTF-8', () => {
    fc.assert(
      fc.property(text, (value) => countTokens(value) <= Buffer.byteLength(value, 'utf8')),
      { numRuns: 1000 },
    );
  });

  it('never falls when text is added at the end, and adds up to no more than its parts', () => {
    fc.assert(
      fc.property(text, text, (before, after) => {
        const both = countTokens(before + after);
        return both >= countTokens(before) && both <= countTokens(before) + Buffer.byteLength(after, 'utf8');
      }),
      { numRuns: 1000 },
    );
  });

  it('is about four bytes a token in English, and the same every time', () => {
    const english =
      'I would like to know when my order will arrive, because I am going on holiday next week and nobody will be at home. ' +
      'Could you please look it up and tell me whether it can be delivered to a neighbour instead?';
    expect(english.length / countTokens(english)).toBeGreaterThan(3.5);
    expect(english.length / countTokens(english)).toBeLessThan(5);
    expect(countTokens(english)).toBe(countTokens(english));
    expect(countTokens('')).toBe(0);
  });
});

describe('cutToTokens', () => {
  it('gives the longest beginning that fits, with no surrogate pair split', () => {
    fc.assert(
      fc.property(text, fc.nat(60), (value, max) => {
        const cut = cutToTokens(value, max, countTokens);
        expect(value.startsWith(cut)).toBe(true);
        expect(countTokens(cut)).toBeLessThanOrEqual(max);
        const next = String.fromCodePoint(value.codePointAt(cut.length) ?? 0);
        if (cut.length < value.length) expect(countTokens(cut + next)).toBeGreaterThan(max);
        expect(cut.isWellFormed()).toBe(value.slice(0, cut.length).isWellFormed());
        if (value.isWellFormed()) expect(cut.isWellFormed()).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it('splits no pair for a count that would allow it', () => {
    const countUnits = (value: string): number => value.length;
    expect(cutToTokens('a😀b', 2, countUnits)).toBe('a');
    expect(cutToTokens('a😀b', 3, countUnits)).toBe('a😀');
    expect(cutToTokens('😀', 1, countUnits)).toBe('');
  });
});
