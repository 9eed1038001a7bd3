import { describe, expect, test } from 'vitest';
import { cosignedAt, cosignText } from '../../src/signing/cosignature.ts';
import { generateSkey, parseSkey, parseVkey, type SigningKey } from '../../src/signing/key.ts';
import { formatSignatureLine, type NoteSignature, parseSignatureLine } from '../../src/signing/note.ts';

const TEXT = 'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n';
const witness = parseSkey(generateSkey('witness.example.com/w1', 'cosignature'), 'cosignature');

/** A cosignature whose 8 bytes of time and whose signed message are given apart. */
function made(time: bigint, message: string, { sign, verifier }: SigningKey = witness): NoteSignature {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(time);
  const signature = Buffer.concat([bytes, sign(Buffer.from(message))]);
  return { name: verifier.name, keyHash: verifier.hash, signature };
}

test('is, byte by byte, what tlog-cosignature says: eight bytes of time, then a signature of header, time and text', () => {
  const expected = made(1_679_315_147n, `cosignature/v1\ntime 1679315147\n${TEXT}`);
  const line = formatSignatureLine(cosignText(TEXT, witness, 1_679_315_147));
  expect(line).toBe(formatSignatureLine(expected));
  // The start of the specification's own example, after the 4 bytes of another key.
  const [, base64 = ''] = /w1 (\S+)\n$/.exec(line) ?? [];
  expect(Buffer.from(base64, 'base64').subarray(4, 12).toString('hex')).toBe('00000000641850cb');
  expect(Buffer.from(base64, 'base64')).toHaveLength(4 + 8 + 64);
  expect(cosignedAt(TEXT, parseSignatureLine(line.trimEnd()), parseVkey(witness.verifier.vkey, 'cosignature'))).toBe(
    1_679_315_147,
  );
});

describe('none is', () => {
  const good = (time: number): string => `cosignature/v1\ntime ${time}\n${TEXT}`;

  test.each([
    ['one of another time', made(6n, good(5))],
    ['one without time', made(0n, good(0))],
    ['one of a time beyond 2^53', made(2n ** 53n, `cosignature/v1\ntime ${2n ** 53n}\n${TEXT}`)],
    ['one of another text', made(5n, `${good(5)}x\n`)],
    ['one of another version', made(5n, good(5).replace('v1', 'v2'))],
    ['a signature of the text alone', made(5n, TEXT)],
    ['one that is cut', { ...made(5n, good(5)), signature: made(5n, good(5)).signature.subarray(0, 8) }],
    ['one under another name', { ...made(5n, good(5)), name: 'witness.example.com/w2' }],
    ['one under another hash', { ...made(5n, good(5)), keyHash: '00000000' }],
  ])('%s', (_what, signature) => {
    expect(cosignedAt(TEXT, signature, witness.verifier)).toBeNull();
  });

  test("a log's key does not cosign", () => {
    const log = parseSkey(generateSkey('witness.example.com/w1'));
    expect(cosignedAt(TEXT, made(5n, good(5), log), log.verifier)).toBeNull();
    expect(cosignedAt(TEXT, made(5n, good(5)), witness.verifier)).toBe(5);
  });
});
