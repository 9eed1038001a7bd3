import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readKeyFile } from '../../src/codec/key-file.ts';
import { generatePayloadKey, parsePayloadKeys } from '../../src/codec/keys.ts';
import { codecOfEnvironment, openPayloadCodec } from '../../src/codec/setting.ts';
import { AegrailError } from '../../src/core/errors.ts';

const KEY = Buffer.alloc(32, 7).toString('base64');
const OTHER = Buffer.alloc(32, 9).toString('base64');

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'aegrail-keys-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

function keyFile(name: string, text: string, mode = 0o600): string {
  const path = join(dir, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

async function messageOf(act: () => unknown): Promise<string> {
  try {
    await act();
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(AegrailError);
    expect((thrown as AegrailError).code).toBe('CONFIG_INVALID');
    return (thrown as AegrailError).message;
  }
  throw new Error('nothing was thrown');
}

describe('keys in a text', () => {
  test('the first one encrypts, all are found by their ids', async () => {
    const keys = parsePayloadKeys(` new:${KEY} , old:${OTHER},`, 'here');
    expect(await keys.current()).toEqual({ id: 'new', key: new Uint8Array(32).fill(7) });
    expect(await keys.byId('old')).toEqual({ id: 'old', key: new Uint8Array(32).fill(9) });
    expect(await keys.byId('none')).toBeNull();
  });

  test.each([
    ['', 'has no payload key'],
    [KEY, 'entry 1: has no colon'],
    [`:${KEY}`, 'entry 1: has an id that is none'],
    [`${KEY}:k1`, 'entry 1: has an id that is none'],
    [`a b:${KEY}`, 'entry 1: has an id that is none'],
    [`k1:${KEY},k2:${KEY.slice(4)}`, 'entry 2: the key k2 is not 32 bytes'],
    [`k1:${KEY.slice(0, -1)}`, 'the key k1 is not 32 bytes'],
    [`k1:${KEY.replace('=', '!')}`, 'the key k1 is not 32 bytes'],
    [`k1:${Buffer.alloc(32, 7).toString('hex')}`, 'the key k1 is not 32 bytes'],
    // The last character holds two bits that are not of the key: two texts for one key are one too many.
    [`k1:${KEY.slice(0, -2)}d=`, 'the key k1 is not 32 bytes'],
    [`k1:${KEY},k1:${OTHER}`, 'the id k1 is there twice'],
  ])('%j is refused, and no part of a key is shown', async (text, says) => {
    const message = await messageOf(() => parsePayloadKeys(text, 'here'));
    expect(message).toMatch(/^here/);
    expect(message).toContain(says);
    expect(message).not.toContain(KEY.slice(0, 8));
    expect(message).not.toContain('07070707');
  });

  test('a generated key reads back, and no two are the same', async () => {
    const made = generatePayloadKey('2027-01');
    const { id, key } = await parsePayloadKeys(made, 'here').current();
    expect({ id, bytes: key.length }).toEqual({ id: '2027-01', bytes: 32 });
    expect(generatePayloadKey('2027-01')).not.toBe(made);
    expect(generatePayloadKey()).toMatch(/^k-[0-9a-f]{8}:/);
    expect(() => generatePayloadKey('not an id')).toThrow(AegrailError);
  });
});

describe('a key file', () => {
  test('has a key on each line, with comments', async () => {
    const path = keyFile('good', `# newest first\n\nnew:${KEY} # since March\r\nold:${OTHER}\n`);
    const keys = await readKeyFile(path);
    expect((await keys.current()).id).toBe('new');
    expect((await keys.byId('old'))?.key).toEqual(new Uint8Array(32).fill(9));
  });

  test.each([0o640, 0o604, 0o660, 0o666, 0o601])('with mode %o is refused', async (mode) => {
    const path = keyFile(`open-${mode}`, `k1:${KEY}\n`, mode);
    const message = await messageOf(() => readKeyFile(path, 'payload-keys'));
    expect(message).toContain(`mode 0${mode.toString(8)}`);
    expect(message).toContain('chmod 600 payload-keys');
  });

  test('that its owner alone may read is fine without the right to write', async () => {
    const keys = await readKeyFile(keyFile('read-only', `k1:${KEY}`, 0o400));
    expect((await keys.current()).id).toBe('k1');
  });

  test.each([
    ['no-colon', `k1:${KEY}\n${KEY}\n`, 'line 2: has no colon'],
    ['empty', '# nothing\n', 'has no payload key'],
    ['large', `k1:${KEY}\n${'#'.repeat(1_048_577)}`, 'is too large'],
  ])('%s is refused with its line, and no part of a key is shown', async (name, text, says) => {
    const path = keyFile(name, text);
    const message = await messageOf(() => readKeyFile(path, name));
    expect(message).toContain(says);
    expect(message).not.toContain(KEY.slice(0, 8));
  });

  test('that is not there is named', async () => {
    expect(await messageOf(() => readKeyFile(join(dir, 'none')))).toContain('no such file');
  });
});

describe('the setting', () => {
  const payload = { metadata: { encoding: new TextEncoder().encode('json/plain') }, data: new Uint8Array([49]) };

  test('of a variable, a file and a module read each other', async () => {
    keyFile('keys', `k1:${KEY}\n`);
    writeFileSync(
      join(dir, 'kms.mjs'),
      `const key = { id: 'k1', key: new Uint8Array(32).fill(7) };
       export const keySource = { current: async () => key, byId: async (id) => (id === 'k1' ? key : null) };`,
    );
    const env = { PAYLOAD_KEYS: `k1:${KEY}` };
    const settings = [{ keysEnv: 'PAYLOAD_KEYS' }, { keyFile: 'keys' }, { keyModule: './kms.mjs' }];
    const codecs = await Promise.all(settings.map((setting) => openPayloadCodec(setting, dir, env)));
    for (const from of codecs) {
      for (const to of codecs) expect(await to?.decode((await from?.encode([payload])) ?? [])).toEqual([payload]);
    }
  });

  test('that is not there is no codec, and neither is a variable that is not set', async () => {
    expect(await openPayloadCodec(undefined, dir, {})).toBeUndefined();
    expect(codecOfEnvironment({ AEGRAIL_PAYLOAD_KEYS: '' })).toBeUndefined();
    expect(codecOfEnvironment({ AEGRAIL_PAYLOAD_KEYS: `k1:${KEY}` })).toBeDefined();
  });

  test('that names what there is not says so', async () => {
    expect(await messageOf(() => openPayloadCodec({ keysEnv: 'NONE' }, dir, {}))).toContain('NONE, which is not set');
    expect(await messageOf(() => openPayloadCodec({ keyModule: './none.mjs' }, dir, {}))).toContain(
      'can not be loaded',
    );
    writeFileSync(join(dir, 'bare.mjs'), 'export const keySource = {};');
    expect(await messageOf(() => openPayloadCodec({ keyModule: './bare.mjs' }, dir, {}))).toContain('no keySource');
  });
});
