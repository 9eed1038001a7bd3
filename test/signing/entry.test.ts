import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { canonicalJson } from '../../src/core/canonical.ts';
import type { HeadEntry } from '../../src/core/entry.ts';
import { entrySignedBy, entryText, parseEntry, signEntry, userHash } from '../../src/signing/entry.ts';
import { generateSkey, parseSkey } from '../../src/signing/key.ts';

const key = parseSkey(generateSkey('example.com/aegrail'));
const other = parseSkey(generateSkey('example.com/aegrail'));
const AT = '2026-01-31T12:00:00.000Z';

const head: HeadEntry = {
  v: 1,
  kind: 'head',
  session_id: 'sess_1795000000000_3f2a9c81d4e7',
  agent_identity: 'support-bot/v1',
  user_sha256: userHash('sess_1795000000000_3f2a9c81d4e7', 'ann@acme.com'),
  started: AT,
  ts: AT,
  seq: 255,
  hash: 'cd'.repeat(32),
  ended: false,
};
const erasure = signEntry({ v: 1, kind: 'erasure', at: AT, session_id: 'x', reason: 'GDPR', blobs: 3, bytes: 1_024 }, [
  key,
]);

test('every kind is written in canonical form and read again', () => {
  const added = signEntry({ v: 1, kind: 'key_added', at: AT, key: key.verifier.vkey }, [key]);
  const vkeys = { from: key.verifier.vkey, to: other.verifier.vkey };
  const rotated = signEntry({ v: 1, kind: 'key_rotated', at: AT, ...vkeys }, [key, other]);
  const revoked = signEntry({ v: 1, kind: 'key_revoked', at: AT, key: key.verifier.vkey, reason: 'lost' }, [other]);
  for (const entry of [head, added, rotated, revoked, erasure]) {
    expect(entryText(entry)).toBe(canonicalJson(entry));
    expect(parseEntry(entryText(entry))).toEqual(entry);
  }
  expect(rotated.signatures.map((signature) => signature.key)).toEqual([key.verifier.id, other.verifier.id]);
});

test('what is signed is the context and the canonical form without signatures', () => {
  const { signatures, ...unsigned } = erasure;
  const bytes = Buffer.from(signatures[0]?.signature ?? '', 'base64');
  expect(key.verifier.verify(Buffer.from(`aegrail-entry/v1\n${canonicalJson(unsigned)}`), bytes)).toBe(true);
});

describe('whose signature it is', () => {
  test('that of the key under its id', () => {
    expect(entrySignedBy(erasure, key.verifier)).toBe(true);
    expect(entrySignedBy(erasure, other.verifier)).toBe(false);
    expect(entrySignedBy(head, key.verifier)).toBe(false);
  });

  test('not after a change, and not under another id', () => {
    expect(entrySignedBy({ ...erasure, blobs: 4 }, key.verifier)).toBe(false);
    const renamed = erasure.signatures.map((signature) => ({ ...signature, key: other.verifier.id }));
    expect(entrySignedBy({ ...erasure, signatures: renamed }, other.verifier)).toBe(false);
    const cut = erasure.signatures.map((signature) => ({ ...signature, signature: signature.signature.slice(0, -2) }));
    expect(entrySignedBy({ ...erasure, signatures: cut }, key.verifier)).toBe(false);
  });
});

test('the hash of a user is that of session and user', () => {
  expect(userHash('s', 'u')).toBe(createHash('sha256').update('s\nu').digest('hex'));
});

describe('a text that is no entry', () => {
  const changed = (changes: object): string => canonicalJson({ ...head, ...changes });
  const signedWith = (changes: object): string => canonicalJson({ ...erasure, ...changes });

  test.each([
    ['nothing', '', 'not JSON'],
    ['not an object', '[]', 'no JSON object'],
    ['null', 'null', 'no JSON object'],
    ['white space', JSON.stringify(head, null, 1), 'canonical'],
    ['another order', JSON.stringify(head), 'canonical'],
    ['a member twice', entryText(head).replace('{', '{"agent_identity":"x",'), 'canonical'],
    ['a lone surrogate', entryText(head).replace('support-bot', '\\ud800'), 'canonical'],
    ['another version', changed({ v: 2 }), 'v is not 1'],
    ['an unknown kind', changed({ kind: 'tail' }), 'kind is none of'],
    ['a kind of every object', changed({ kind: 'constructor' }), 'kind is none of'],
    ['a further member', changed({ more: 1 }), 'a member that head does not have'],
    ['signatures of a head', changed({ signatures: [] }), 'a member that head does not have'],
    ['a missing member', changed({ hash: undefined }), 'hash is not'],
    ['upper-case hex', changed({ hash: 'CD'.repeat(32) }), 'hash is not'],
    ['a negative seq', changed({ seq: -1 }), 'seq is not'],
    ['a broken seq', changed({ seq: 1.5 }), 'seq is not'],
    ['a huge seq', changed({ seq: 2 ** 53 }), 'seq is not'],
    ['a text for a flag', changed({ ended: 'true' }), 'ended is not'],
    ['no such day', changed({ ts: '2026-02-30T00:00:00.000Z' }), 'ts is not'],
    ['an empty id', changed({ session_id: '' }), 'session_id is not'],
    ['no signatures', signedWith({ signatures: [] }), 'signatures is not a list of 1'],
    ['too many signatures', signedWith({ signatures: [...erasure.signatures, ...erasure.signatures] }), 'list of 1'],
    [
      'a signature with more',
      signedWith({ signatures: [{ ...erasure.signatures[0], x: 1 }] }),
      'just key and signature',
    ],
    ['a signature that is null', signedWith({ signatures: [null] }), 'just key and signature'],
  ])('%s', (_what, text, says) => {
    expect(() => parseEntry(text)).toThrow(expect.objectContaining({ code: 'LOG_INVALID' }));
    expect(() => parseEntry(text)).toThrow(says);
  });
});
