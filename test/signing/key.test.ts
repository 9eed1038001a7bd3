import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { AegrailError } from '../../src/core/errors.ts';
import { generateSkey, parseSkey, parseVkey } from '../../src/signing/key.ts';

const SKEY = 'PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz';
const VKEY = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';

/** A vkey or skey with the right hash over whatever bytes it has. */
function forged(name: string, bytes: Uint8Array): string {
  const hash = createHash('sha256').update(`${name}\n`).update(bytes).digest('hex').slice(0, 8);
  return `${name}+${hash}+${Buffer.from(bytes).toString('base64')}`;
}

function messageOf(work: () => unknown): string {
  try {
    work();
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(AegrailError);
    expect((thrown as AegrailError).code).toBe('CONFIG_INVALID');
    return (thrown as AegrailError).message;
  }
  throw new Error('nothing was thrown');
}

describe("the key of Go's documentation", () => {
  test('its private key has its verifier key', () => {
    const { verifier } = parseSkey(SKEY);
    expect(verifier).toMatchObject({ name: 'PeterNeumann', hash: 'c74f20a3', id: 'PeterNeumann+c74f20a3', vkey: VKEY });
    expect(parseVkey(VKEY).vkey).toBe(VKEY);
  });

  test('what one signs the other verifies, and nothing else', () => {
    const message = Buffer.from('text');
    const signature = parseSkey(SKEY).sign(message);
    const { verify } = parseVkey(VKEY);
    expect(verify(message, signature)).toBe(true);
    expect(verify(Buffer.from('Text'), signature)).toBe(false);
    expect(verify(message, signature.subarray(1))).toBe(false);
    expect(verify(message, Buffer.concat([signature, Buffer.alloc(1)]))).toBe(false);
    expect(verify(message, Buffer.alloc(64))).toBe(false);
  });
});

describe('a new key', () => {
  test('is one of its name and purpose', () => {
    const skey = generateSkey('example.com/aegrail');
    const { verifier } = parseSkey(skey);
    expect(verifier.name).toBe('example.com/aegrail');
    expect(parseVkey(verifier.vkey).purpose).toBe('note');
    expect(generateSkey('example.com/aegrail')).not.toBe(skey);
    const witness = parseSkey(generateSkey('w.example/1', 'cosignature'), 'cosignature').verifier;
    expect(Buffer.from(witness.vkey.split('+').slice(2).join('+'), 'base64')[0]).toBe(4);
    expect(parseVkey(witness.vkey, 'cosignature').id).toBe(witness.id);
  });

  test.each(['', 'a b', 'a+b', 'ä', 'a\n', 'x'.repeat(201), '"'])('has no such name: %j', (name) => {
    expect(messageOf(() => generateSkey(name))).toContain('is no name for a key');
  });

  test("a witness's key does not pass for a log's, nor the other way round", () => {
    const witness = generateSkey('w.example/1', 'cosignature');
    const log = generateSkey('example.com/log');
    expect(messageOf(() => parseSkey(witness))).toContain("is a witness's");
    expect(messageOf(() => parseSkey(log, 'cosignature'))).toContain('keys new --witness');
    expect(messageOf(() => parseVkey(parseSkey(witness, 'cosignature').verifier.vkey))).toContain("is a witness's");
  });
});

describe('bad keys', () => {
  const seed = Buffer.concat([Buffer.from([1]), Buffer.alloc(32, 7)]);

  test.each([
    ['nothing', '', 'is no verifier key'],
    ['no hash', 'example.com/x', 'is no verifier key'],
    ['upper-case hash', VKEY.replace('c74f20a3', 'C74F20A3'), 'is no verifier key'],
    ['a space in the name', VKEY.replace('Peter', 'Peter '), 'is no verifier key'],
    ['a no-break space in the name', VKEY.replace('Peter', 'Peter\u00a0'), 'is no verifier key'],
    ['a line end', `${VKEY}\n`, 'is not base64'],
    ['a wrong hash', VKEY.replace('c74f20a3', 'c74f20a4'), 'its name and key is c74f20a3'],
    ['another name', VKEY.replace('Peter', 'Petra'), 'is damaged'],
    ['base64 without padding', forged('a', seed).replace(/=+$/, '').slice(0, -1), 'damaged'],
    ['base64 of URLs', VKEY.replace('/', '_'), 'is not base64'],
    ['spare bits', forged('a', Buffer.from([1, 2, 3, 4])).replace('BA==', 'BB=='), 'is not base64'],
    ['a short key', forged('a', seed.subarray(0, 32)), '32 bytes, not 31'],
    ['another algorithm', forged('a', Buffer.concat([Buffer.from([2]), seed.subarray(1)])), 'type 2'],
  ])('%s: says what is wrong', (_what, text, says) => {
    expect(messageOf(() => parseVkey(text))).toContain(says);
  });

  test.each([
    ['a damaged hash', SKEY.replace('c74f20a3', 'c74f20a4')],
    ['a cut end', SKEY.slice(0, -4)],
    ['a line end', `${SKEY}\n`],
    ['another letter', SKEY.replace('YEKF', 'YEKG')],
    ['no prefix', SKEY.replace('PRIVATE+KEY+', '')],
    ['white space', ` ${SKEY}`],
    ['something else', 'AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz'],
  ])('%s: a private key never shows in an error', (_what, text) => {
    const message = messageOf(() => parseSkey(text));
    expect(message).not.toMatch(/YEKF|YEKG|FyNhPJ|KDFz/);
  });

  test('a private key in the place of a verifier key does not show either', () => {
    expect(messageOf(() => parseVkey(SKEY))).not.toContain('YEKFALVFGyNh');
  });
});
