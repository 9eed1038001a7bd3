import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { generateSkey, parseSkey, parseVkey } from '../../src/signing/key.ts';
import { formatNote, isSignedBy, type Note, parseNote, signNote } from '../../src/signing/note.ts';

const GO = {
  key: parseSkey('PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz'),
  text: "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n",
  line: '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n',
};
const GO_NOTE = `${GO.text}\n${GO.line}`;
const other = parseSkey(generateSkey('other.example/k'));

test("the note of Go's documentation: the same bytes", () => {
  expect(formatNote(GO.text, [signNote(GO.text, GO.key)])).toBe(GO_NOTE);
  const note = parseNote(GO_NOTE);
  expect(note.text).toBe(GO.text);
  expect(isSignedBy(note, GO.key.verifier)).toBe(true);
});

test("the note of C2SP's specification", () => {
  const note = parseNote(
    'This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n',
  );
  const key = parseVkey('example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k');
  expect(isSignedBy(note, key)).toBe(true);
});

describe('signatures', () => {
  test('lines of keys that nobody here knows are kept and ignored', () => {
    const unknown = '— quantum.example/k AAAAAQID\n';
    const note = parseNote(GO_NOTE + unknown);
    expect(note.signatures).toHaveLength(2);
    expect(isSignedBy(note, GO.key.verifier)).toBe(true);
    expect(isSignedBy(note, other.verifier)).toBe(false);
    expect(formatNote(note.text, note.signatures)).toBe(GO_NOTE + unknown);
  });

  test("a bad line with a known key's name and hash spoils the note, beside a good one too", () => {
    const { text, signatures } = parseNote(GO_NOTE);
    const bad = { ...signNote('other text\n', GO.key) };
    expect(isSignedBy({ text, signatures: [bad] }, GO.key.verifier)).toBe(false);
    expect(isSignedBy({ text, signatures: [...signatures, bad] }, GO.key.verifier)).toBe(false);
    expect(isSignedBy({ text, signatures: [bad, ...signatures] }, GO.key.verifier)).toBe(false);
  });

  test('a name or a hash alone is not the key', () => {
    const { text, signatures } = parseNote(GO_NOTE);
    const renamed: Note = { text, signatures: signatures.map((line) => ({ ...line, name: 'other.example/k' })) };
    expect(isSignedBy(renamed, GO.key.verifier)).toBe(false);
    expect(isSignedBy(renamed, other.verifier)).toBe(false);
  });

  test('sixteen of them are taken, and a thousand are not', () => {
    expect(parseNote(GO.text + '\n' + GO.line.repeat(16)).signatures).toHaveLength(16);
    expect(() => parseNote(GO.text + '\n' + GO.line.repeat(1_000))).toThrow('signatures');
  });
});

describe('a note', () => {
  test('may have empty lines in its text: the last one ends it', () => {
    const text = 'a\n\nb\n';
    expect(parseNote(formatNote(text, [signNote(text, other)])).text).toBe(text);
  });

  test.each([
    ['nothing', '', 'does not end with LF'],
    ['no final LF', GO_NOTE.slice(0, -1), 'does not end with LF'],
    ['no empty line', GO.text + GO.line, 'no empty line'],
    ['no signature', `${GO.text}\n`, 'no signature'],
    ['no signature after two lines', `a\n\n\n`, 'no signature'],
    ['CRLF', GO_NOTE.replaceAll('\n', '\r\n'), 'control character'],
    ['a tab', GO_NOTE.replace('If', '\tIf'), 'control character'],
    ['a zero', GO_NOTE.replace('If', '\0If'), 'control character'],
    ['a lone surrogate', GO_NOTE.replace('If', '\ud800'), 'not UTF-8'],
    ['a hyphen for the dash', GO_NOTE.replace('—', '-'), 'signature line'],
    ['two spaces', GO_NOTE.replace('— ', '—  '), 'signature line'],
    ['a plus in the name', GO_NOTE.replace('— Peter', '— Peter+'), 'signature line'],
    ['a no-break space in the name', GO_NOTE.replace('— Peter', '— Peter\u00a0'), 'signature line'],
    ['a signature without padding', GO_NOTE.replace('=\n', '\n'), 'base64'],
    ['spare bits', GO_NOTE.replace('AM=\n', 'AN=\n'), 'base64'],
    ['a signature of four bytes', `${GO.text}\n— a AAAAAA==\n`, 'too short'],
    ['more text after the signatures', `${GO_NOTE}more\n`, 'signature line'],
    ['too much of it', `${'x'.repeat(1_000_000)}\n\n${GO.line}`, 'characters'],
  ])('with %s is refused', (_what, text, says) => {
    expect(() => parseNote(text)).toThrow(expect.objectContaining({ code: 'LOG_INVALID' }));
    expect(() => parseNote(text)).toThrow(says);
  });
});

test('one changed character anywhere is noticed', () => {
  const signed = (note: string): boolean => {
    try {
      return isSignedBy(parseNote(note), GO.key.verifier);
    } catch {
      return false;
    }
  };
  for (let at = 0; at < GO_NOTE.length; at++) {
    for (const put of ['A', '\n', '=', '']) {
      const changed = GO_NOTE.slice(0, at) + put + GO_NOTE.slice(at + 1);
      if (changed !== GO_NOTE) expect(signed(changed), `at ${at}, ${JSON.stringify(put)}`).toBe(false);
    }
  }
});

test('whatever is signed and written is read as it was', () => {
  const line = fc.string({ unit: 'grapheme' }).filter((text) => !/\p{Cc}/u.test(text) && text.isWellFormed());
  fc.assert(
    fc.property(fc.array(line, { minLength: 1 }), (lines) => {
      const text = `${lines.join('\n')}\n`;
      const note = parseNote(formatNote(text, [signNote(text, other), signNote(text, GO.key)]));
      expect(note.text).toBe(text);
      expect(isSignedBy(note, other.verifier) && isSignedBy(note, GO.key.verifier)).toBe(true);
    }),
  );
});
