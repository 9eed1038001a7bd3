import {
  chmodSync,
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { generateSkey, parseSkey } from '../../src/signing/key.ts';
import { openKeyring } from '../../src/signing/keyring.ts';
import { readSkeyFile } from '../../src/signing/keyring-file.ts';
import { createKeyring, createWitnessKey, revokeKey, rotateKey } from '../../src/signing/keyring-write.ts';
import { createSpoolLock } from '../../src/sinks/spool-lock.ts';

const ORIGIN = 'example.com/aegrail';
const NOW = new Date('2026-01-31T12:00:00.000Z');

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'aegrail-keys-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}
const open = (dir: string) => openKeyring({ origin: ORIGIN, keys: dir }, '/', {});

describe('a folder', () => {
  test('has a first key, and a file that only its owner may read', () => {
    const dir = folder();
    const { key, file } = createKeyring(dir, ORIGIN, NOW);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const keyring = open(dir);
    expect(keyring.active().verifier.vkey).toBe(key.vkey);
    expect(keyring.statements()).toMatchObject([{ kind: 'key_added', key: key.vkey, at: NOW.toISOString() }]);
    expect(keyring.previous).toBeUndefined();
  });

  test('that is open sees a rotation and a revocation', () => {
    const dir = folder();
    const first = createKeyring(dir, ORIGIN, NOW).key;
    const keyring = open(dir);
    const { made, from } = rotateKey(dir, NOW);
    expect(from.id).toBe(first.id);
    expect(keyring.active().verifier.id).toBe(made.key.id);
    expect(keyring.find(first.id)?.verifier.vkey).toBe(first.vkey);
    expect(keyring.find('example.com/aegrail+00000000')).toBeNull();
    revokeKey(dir, first.hash, 'stolen', NOW);
    expect(keyring.statements().map(({ kind }) => kind)).toEqual(['key_added', 'key_rotated', 'key_revoked']);
  });

  test("statements never go back in time, even when the machine's clock did", () => {
    const dir = folder();
    createKeyring(dir, ORIGIN, NOW);
    rotateKey(dir, new Date('2020-01-01T00:00:00.000Z'));
    expect(
      open(dir)
        .statements()
        .map(({ at }) => at),
    ).toEqual([NOW.toISOString(), NOW.toISOString()]);
  });

  test('keeps what it has: nothing is overwritten', () => {
    const dir = folder();
    createKeyring(dir, ORIGIN, NOW);
    const before = readdirSync(dir);
    expect(() => createKeyring(dir, ORIGIN, NOW)).toThrow('nothing is overwritten');
    expect(() => createWitnessKey(dir, 'w.example/1')).toThrow('nothing is overwritten');
    expect(readdirSync(dir)).toEqual(before);
  });

  test('the active key is not revoked, nor one that is not there, nor one twice', () => {
    const dir = folder();
    const { key } = createKeyring(dir, ORIGIN, NOW);
    expect(() => revokeKey(dir, key.id, 'x', NOW)).toThrow('rotate first');
    expect(() => revokeKey(dir, 'ffffffff', 'x', NOW)).toThrow(`there are ${key.id}`);
    rotateKey(dir, NOW);
    revokeKey(dir, key.id, 'stolen', NOW);
    expect(() => revokeKey(dir, key.id, 'x', NOW)).toThrow('revoked already, since 2026-01-31T12:00:00.000Z: stolen');
    expect(open(dir).statements()).toHaveLength(3);
  });

  test('is changed by one process at a time', () => {
    const dir = folder();
    createKeyring(dir, ORIGIN, NOW);
    const lock = createSpoolLock(join(dir, 'keyring.lock'));
    expect(lock.take()).toBe(true);
    expect(() => rotateKey(dir, NOW)).toThrow('another process is changing');
    lock.close();
    rotateKey(dir, NOW);
  });
});

describe('a folder that is not right', () => {
  test('a key file that others can read is refused, with how to mend it', () => {
    const dir = folder();
    const { file } = createKeyring(dir, ORIGIN, NOW);
    for (const mode of [0o640, 0o604, 0o660, 0o610]) {
      chmodSync(file, mode);
      expect(() => open(dir)).toThrow(`(mode 0${mode.toString(8)}): run "chmod 600 ${file}"`);
      expect(() => rotateKey(dir, NOW)).toThrow('chmod 600');
    }
    chmodSync(file, 0o400);
    expect(open(dir).active().verifier.name).toBe(ORIGIN);
  });

  test.each([
    ['a torn line', (text: string) => text.slice(0, -20), 'its last line is not whole'],
    ['a changed byte', (text: string) => text.replace('"at":"2026', '"at":"2025'), 'bad_entry_signature'],
    ['a line twice', (text: string) => text + text, 'keyring.jsonl:2: bad_key_statement'],
    ['an empty line', (text: string) => `${text}\n`, 'keyring.jsonl:2'],
    ['nothing', () => '', 'does not end with a line end'],
    ['another kind', () => '{"v":1}\n', 'kind is none of'],
  ])('statements with %s', (_what, change, says) => {
    const dir = folder();
    createKeyring(dir, ORIGIN, NOW);
    const file = join(dir, 'keyring.jsonl');
    writeFileSync(file, change(readFileSync(file, 'utf8')));
    expect(() => open(dir)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    expect(() => open(dir)).toThrow(says);
  });

  test('a key that is missing, another, or damaged', () => {
    const dir = folder();
    const { file, key } = createKeyring(dir, ORIGIN, NOW);
    const skey = readFileSync(file, 'utf8');
    writeFileSync(file, `${generateSkey(ORIGIN)}\n`);
    expect(() => open(dir)).toThrow(`, not ${key.id}`);
    writeFileSync(file, skey.slice(0, -9));
    expect(() => open(dir)).toThrow('is damaged');
    expect(() => open(dir)).not.toThrow(skey.slice(-30, -12));
    rmSync(file);
    expect(() => open(dir)).toThrow('is not there');
  });

  test('no keyring, and one of another log', () => {
    const dir = folder();
    expect(() => open(dir)).toThrow('"aegrail keys new" makes it');
    createKeyring(dir, 'other.example/log', NOW);
    expect(() => open(dir)).toThrow('they must be the same');
  });

  test("a witness's key does not sign logs", () => {
    const dir = folder();
    const { file } = createWitnessKey(dir, 'w.example/1');
    expect(() => readSkeyFile(file)).toThrow("is a witness's");
    const copy = join(dir, 'copy');
    copyFileSync(file, copy);
    expect(readSkeyFile(copy, 'cosignature').verifier.name).toBe('w.example/1');
  });
});

describe('the environment', () => {
  const skey = generateSkey(ORIGIN);
  const before = generateSkey(ORIGIN);
  const inEnv = (env: Record<string, string>) => openKeyring({ origin: ORIGIN, keyEnv: 'KEY' }, '/', env);

  test('holds a key, and the one before it', () => {
    expect(inEnv({ KEY: skey }).active().verifier.vkey).toBe(parseSkey(skey).verifier.vkey);
    expect(inEnv({ KEY: skey }).previous).toBeUndefined();
    const both = inEnv({ KEY: `${skey}\n`, KEY_PREVIOUS: before });
    expect(both.previous?.verifier.vkey).toBe(parseSkey(before).verifier.vkey);
    expect(both.statements()).toEqual([]);
    expect(both.find(parseSkey(before).verifier.id)?.verifier.name).toBe(ORIGIN);
  });

  test.each([
    [{}, 'KEY is not set'],
    [{ KEY: '' }, 'KEY is not set'],
    [{ KEY: skey.slice(0, -8) }, 'KEY: the private key'],
    [{ KEY: generateSkey('other.example/log') }, 'they must be the same'],
    [{ KEY: skey, KEY_PREVIOUS: 'x' }, 'KEY_PREVIOUS: this is no private key'],
  ])('with a fault: %#', (env, says) => {
    expect(() => inEnv(env)).toThrow(says);
    expect(() => inEnv(env)).not.toThrow(skey.slice(-30, -10));
  });
});
