import { assert, nat, property, string } from 'fast-check';
import { expect, test } from 'vitest';
import { limitText } from '../../src/tools/limit.ts';

test('a text within the limit is as it was, a longer one ends with what was cut', () => {
  expect(limitText('abc', 3)).toBe('abc');
  const cut = limitText('é'.repeat(100), 60);
  expect(cut).toBe(`${'é'.repeat(16)}\n… cut at 32 of 200 bytes`);
  expect(limitText('abcdef', 4)).toBe('abcd');
  expect(limitText('a', 0)).toBe('');
});

test('any text: never over the limit, never half a character, and cutting twice changes nothing', () => {
  const texts = string({ unit: 'binary', maxLength: 300 }).map((text) => text.repeat(3));
  assert(
    property(texts, nat(400), (text, maxBytes) => {
      const cut = limitText(text, maxBytes);
      expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(maxBytes);
      expect(cut.isWellFormed()).toBe(true);
      expect(limitText(cut, maxBytes)).toBe(cut);
      const [, keptBytes, allBytes] = /\n… cut at (\d+) of (\d+) bytes$/.exec(cut) ?? [];
      if (cut === text || keptBytes === undefined) return;
      expect(Number(allBytes)).toBe(Buffer.byteLength(text));
      expect(text.startsWith(cut.slice(0, cut.lastIndexOf('\n')))).toBe(true);
      expect(Buffer.byteLength(cut.slice(0, cut.lastIndexOf('\n')))).toBe(Number(keptBytes));
    }),
    { numRuns: 100 },
  );
});
