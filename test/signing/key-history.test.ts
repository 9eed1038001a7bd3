import { describe, expect, test } from 'vitest';
import type { HeadEntry, KeyEntry, LogEntry } from '../../src/core/entry.ts';
import type { FaultName } from '../../src/core/faults.ts';
import { signEntry } from '../../src/signing/entry.ts';
import { generateSkey, parseSkey, type SigningKey } from '../../src/signing/key.ts';
import { createKeyHistory, type KeyHistory } from '../../src/signing/key-history.ts';
import { type Note, signNote } from '../../src/signing/note.ts';

const NAME = 'example.com/aegrail';
const AT = '2026-01-31T12:00:00.000Z';
const keyNamed = (name: string): SigningKey => parseSkey(generateSkey(name));
const [a, b, c] = [keyNamed(NAME), keyNamed(NAME), keyNamed(NAME)];

const head: HeadEntry = {
  v: 1,
  kind: 'head',
  session_id: 's',
  agent_identity: 'bot/v1',
  user_sha256: '0'.repeat(64),
  started: AT,
  ts: AT,
  seq: 0,
  hash: '1'.repeat(64),
  ended: true,
};
const vkey = ({ verifier }: SigningKey): string => verifier.vkey;
const added = (key: SigningKey, by = key): KeyEntry =>
  signEntry({ v: 1, kind: 'key_added', at: AT, key: vkey(key) }, [by]);
const rotated = (from: SigningKey, to: SigningKey, by = [from, to]): KeyEntry =>
  signEntry({ v: 1, kind: 'key_rotated', at: AT, from: vkey(from), to: vkey(to) }, by);
const revoked = (key: SigningKey, by: SigningKey): KeyEntry =>
  signEntry({ v: 1, kind: 'key_revoked', at: AT, key: vkey(key), reason: 'stolen' }, [by]);
const erased = (by: SigningKey): LogEntry =>
  signEntry({ v: 1, kind: 'erasure', at: AT, session_id: 's', reason: 'GDPR', blobs: 1, bytes: 1 }, [by]);

/** A history of good entries. */
function after(...entries: readonly LogEntry[]): KeyHistory {
  const history = createKeyHistory();
  for (const entry of entries) expect(history.take(entry)).toBeNull();
  return history;
}

test('keys are active by position: each signs trees that hold the entry that brought it', () => {
  const history = after(added(a), head, head, rotated(a, b), head, revoked(a, b), rotated(b, c), erased(c));
  expect(history.size()).toBe(8);
  const active = [0, 1, 2, 3, 4, 5, 6, 7, 8].map((size) => history.activeAt(size)?.id ?? null);
  const [ia, ib, ic] = [a.verifier.id, b.verifier.id, c.verifier.id];
  expect(active).toEqual([null, ia, ia, ia, ib, ib, ib, ic, ic]);
  expect(history.active()?.id).toBe(ic);
  expect(history.keys().map(({ key, from, until }) => [key.id, from, until])).toEqual([
    [ia, 0, 3],
    [ib, 3, 6],
    [ic, 6, null],
  ]);
  expect(history.keys()[0]?.revoked).toEqual({ index: 5, at: AT, reason: 'stolen' });
});

describe('entries that do not follow', () => {
  const stranger = keyNamed('other.example/log');
  const bad = (fault: FaultName, entry: LogEntry, ...before: readonly LogEntry[]) => ({ fault, entry, before });

  test.each([
    ['a head before a key', bad('bad_key_statement', head)],
    ['a rotation before a key', bad('bad_key_statement', rotated(a, b))],
    ['a first key that another signed', bad('bad_entry_signature', added(a, b))],
    ['a second first key', bad('bad_key_statement', added(b), added(a))],
    ['no key at all', bad('bad_key_statement', { ...(added(a) as object), key: 'x' } as LogEntry)],
    ['a rotation from another than the active key', bad('bad_key_statement', rotated(a, c), added(a), rotated(a, b))],
    ['a rotation that only the old key signed', bad('bad_entry_signature', rotated(a, b, [a, a]), added(a))],
    ['a rotation that only the new key signed', bad('bad_entry_signature', rotated(a, b, [b, b]), added(a))],
    ['a rotation signed in the other order', bad('bad_entry_signature', rotated(a, b, [b, a]), added(a))],
    ['a rotation to itself', bad('bad_key_statement', rotated(a, a), added(a))],
    ['a rotation back', bad('bad_key_statement', rotated(b, a), added(a), rotated(a, b))],
    ['a rotation to a key of another name', bad('bad_key_statement', rotated(a, stranger), added(a))],
    ['a revocation of the active key', bad('bad_key_statement', revoked(a, a), added(a))],
    ['a revocation of an unknown key', bad('bad_key_statement', revoked(b, a), added(a))],
    ['a revocation by the revoked key', bad('bad_entry_signature', revoked(a, a), added(a), rotated(a, b))],
    ['a second revocation', bad('bad_key_statement', revoked(a, b), added(a), rotated(a, b), revoked(a, b))],
    ['an erasure by a stranger', bad('unknown_key', erased(b), added(a))],
    ['an erasure by a key that was rotated away', bad('expired_key', erased(a), added(a), rotated(a, b))],
    ['an erasure by a revoked key', bad('revoked_key', erased(a), added(a), rotated(a, b), revoked(a, b))],
    ['an erasure that was changed', bad('bad_entry_signature', { ...erased(a), blobs: 7 } as LogEntry, added(a))],
  ])('%s', (_what, { fault, entry, before }) => {
    const history = after(...before);
    const keys = history.keys();
    expect(history.take(entry)).toMatchObject({ fault });
    expect(history.keys()).toEqual(keys);
    expect(history.size()).toBe(before.length + 1);
  });

  test('a changed byte of a signed statement', () => {
    const entry = rotated(a, b);
    const changed = { ...entry, at: '2026-01-31T12:00:00.001Z' } as KeyEntry;
    expect(after(added(a)).take(changed)).toMatchObject({ fault: 'bad_entry_signature' });
    expect(after(added(a)).take(entry)).toBeNull();
  });

  test('a name that could write over a terminal never gets into a reason', () => {
    const name = 'evil\u001b[2J';
    const entry = { ...added(a), key: `${name}+00000000+AAAA` } as KeyEntry;
    const fault = createKeyHistory().take(entry);
    expect(fault?.fault).toBe('bad_key_statement');
    expect(fault?.why).not.toContain('evil');
  });
});

describe('who may sign a checkpoint', () => {
  const history = after(added(a), head, rotated(a, b), head, revoked(a, b));
  const noteBy = (...keys: readonly SigningKey[]): Note => {
    const text = 'x\n';
    return { text, signatures: keys.map((key) => signNote(text, key)) };
  };
  const faultOf = (note: Note, size: number): string | null => history.checkNote(note, size)?.fault ?? null;

  test('the key of its size, and no other', () => {
    expect([1, 2].map((size) => faultOf(noteBy(a), size))).toEqual([null, null]);
    expect([3, 4].map((size) => faultOf(noteBy(a), size))).toEqual(['expired_key', 'expired_key']);
    expect(faultOf(noteBy(a), 5)).toBe('revoked_key');
    expect([3, 4, 5].map((size) => faultOf(noteBy(b), size))).toEqual([null, null, null]);
    expect(faultOf(noteBy(b), 2)).toBe('unknown_key');
    expect(faultOf(noteBy(c), 5)).toBe('unknown_key');
    expect(faultOf(noteBy(a), 0)).toBe('unknown_key');
  });

  test('beside it others may sign, but not badly', () => {
    expect(faultOf(noteBy(c, b), 5)).toBeNull();
    const bad = { text: 'x\n', signatures: [...noteBy(b).signatures, signNote('y\n', a)] };
    expect(faultOf(bad, 5)).toBe('bad_signature');
    expect(faultOf({ text: 'y\n', signatures: noteBy(b).signatures }, 5)).toBe('bad_signature');
  });
});
