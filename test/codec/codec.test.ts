import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Payload } from '@temporalio/common';
import { encryptionCodec, leavingUnreadable } from '../../src/codec/codec.ts';
import { type KeySource, parsePayloadKeys } from '../../src/codec/keys.ts';

const keyOf = (byte: number): string => Buffer.alloc(32, byte).toString('base64');
const codecWith = (keys: string): ReturnType<typeof encryptionCodec> => encryptionCodec(parsePayloadKeys(keys, 'test'));
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const json = (value: unknown): Payload => ({
  metadata: { encoding: utf8('json/plain') },
  data: utf8(JSON.stringify(value)),
});

const codec = codecWith(`k1:${keyOf(1)}`);

async function sealed(value: unknown, by = codec): Promise<Payload> {
  const [payload] = await by.encode([json(value)]);
  if (!payload) throw new TypeError('nothing was encoded');
  return payload;
}

test('what is encoded decodes to the same, whatever it is', async () => {
  const bytes = fc.uint8Array({ maxLength: 300 });
  const payload = fc.record({
    metadata: fc.dictionary(fc.string({ maxLength: 20 }), bytes, { maxKeys: 4 }),
    data: bytes,
  });
  await fc.assert(
    fc.asyncProperty(fc.array(payload, { maxLength: 4 }), async (payloads) => {
      const encoded = await codec.encode(payloads);
      expect(encoded).toHaveLength(payloads.length);
      const decoded = await codec.decode(encoded);
      expect(decoded.map(plain)).toEqual(payloads.map(plain));
    }),
    { numRuns: 300 },
  );
});

test('what is in clear is the encoding, the cipher and the id of the key', async () => {
  const { metadata, data } = await sealed('unmistakable');
  expect(Object.entries(metadata ?? {}).map(([key, value]) => [key, new TextDecoder().decode(value)])).toEqual([
    ['encoding', 'binary/encrypted'],
    ['encryption-cipher', 'AES-256-GCM'],
    ['encryption-key-id', 'k1'],
  ]);
  const text = Buffer.from(data ?? []).toString('latin1');
  expect(text).not.toContain('unmistakable');
  expect(text).not.toContain('json/plain');
  expect((await sealed('unmistakable')).data).not.toEqual(data);
});

test('no byte of a payload can be changed', async () => {
  const payload = await sealed({ amount: 500 });
  const fields = [
    ['data', payload.data],
    ['encryption-key-id', payload.metadata?.['encryption-key-id']],
  ] as const;
  let tried = 0;
  for (const [field, bytes = new Uint8Array()] of fields) {
    for (let index = 0; index < (bytes?.length ?? 0); index++) {
      for (const bit of [1, 128]) {
        const changed = Uint8Array.from(bytes ?? []);
        changed[index] = (changed[index] ?? 0) ^ bit;
        const forged =
          field === 'data'
            ? { ...payload, data: changed }
            : { ...payload, metadata: { ...payload.metadata, [field]: changed } };
        await expect(codec.decode([forged]), `${field}, byte ${index}`).rejects.toMatchObject({
          code: 'PAYLOAD_UNREADABLE',
        });
        tried += 1;
      }
    }
  }
  expect(tried).toBeGreaterThan(100);
});

test('neither can it be cut, lengthened, or be given another key id that is there', async () => {
  const both = codecWith(`k1:${keyOf(1)},k2:${keyOf(1)}`);
  const payload = await sealed('x');
  const data = payload.data ?? new Uint8Array();
  const forged: Payload[] = [
    ...[0, 11, 27, 28, data.length - 1].map((length) => ({ ...payload, data: data.subarray(0, length) })),
    { ...payload, data: Uint8Array.from([...data, 0]) },
    { metadata: payload.metadata },
    // The same key under another id: only what is bound to the ciphertext tells.
    { ...payload, metadata: { ...payload.metadata, 'encryption-key-id': utf8('k2') } },
  ];
  expect(await both.decode([payload])).toHaveLength(1);
  for (const one of forged) await expect(both.decode([one])).rejects.toMatchObject({ code: 'PAYLOAD_UNREADABLE' });
});

test('a payload under another name of the encoding or the cipher is not of this codec, and stays encrypted', async () => {
  const payload = await sealed('x');
  for (const name of ['encoding', 'encryption-cipher']) {
    const renamed = { ...payload, metadata: { ...payload.metadata, [name]: utf8('other') } };
    expect(await codec.decode([renamed])).toEqual([renamed]);
  }
});

test('payloads that are not encrypted pass, beside those that are', async () => {
  const old = json('from before encryption was on');
  const [first, second] = await codec.decode([old, await sealed('new')]);
  expect(first).toBe(old);
  expect(plain(second ?? {})).toEqual(plain(json('new')));
});

describe('rotation', () => {
  const rotated = codecWith(`k2:${keyOf(2)},k1:${keyOf(1)}`);

  test('a new key encrypts, the old one still decrypts', async () => {
    const payload = await sealed('new', rotated);
    expect(new TextDecoder().decode(payload.metadata?.['encryption-key-id'] ?? undefined)).toBe('k2');
    const decoded = await rotated.decode([payload, await sealed('old')]);
    expect(decoded.map(plain)).toEqual([json('new'), json('old')].map(plain));
  });

  test('who has not the new key is told which one is missing', async () => {
    await expect(codec.decode([await sealed('new', rotated)])).rejects.toThrow(
      'the payload key k2, which is not at hand',
    );
  });

  test('an id that another key has taken does not decrypt', async () => {
    const other = codecWith(`k1:${keyOf(3)}`);
    await expect(other.decode([await sealed('x')])).rejects.toThrow('names the key k1 does not decrypt with it');
  });

  test('an id that can be none is not shown: it may be anything', async () => {
    const payload = await sealed('x');
    const metadata = { ...payload.metadata, 'encryption-key-id': utf8('\u{1b}[31m evil') };
    await expect(codec.decode([{ ...payload, metadata }])).rejects.toThrow(
      /whose id can be none, which is not at hand/,
    );
  });
});

describe('a key source of somebody’s own', () => {
  test('is asked for the key of each id, and what it throws is not swallowed', async () => {
    const asked: string[] = [];
    const kms: KeySource = {
      current: () => Promise.resolve({ id: 'kms-1', key: new Uint8Array(32).fill(5) }),
      byId(id) {
        asked.push(id);
        return id === 'kms-1' ? this.current() : Promise.reject(new Error('the KMS does not answer'));
      },
    };
    const own = encryptionCodec(kms);
    expect((await own.decode([await sealed('x', own)])).map(plain)).toEqual([plain(json('x'))]);
    await expect(own.decode([await sealed('x')])).rejects.toThrow('the KMS does not answer');
    await expect(leavingUnreadable(own).decode([await sealed('x')])).rejects.toThrow('the KMS does not answer');
    expect(asked).toEqual(['kms-1', 'k1', 'k1']);
  });

  test.each([
    [{ id: 'k', key: new Uint8Array(16) }, 'has 16 bytes, and must have 32'],
    [{ id: 'no id', key: new Uint8Array(32) }, 'without an id that can be one'],
  ])('that gives a key that is none is refused', async (key, says) => {
    const source: KeySource = { current: () => Promise.resolve(key), byId: () => Promise.resolve(key) };
    await expect(encryptionCodec(source).encode([json('x')])).rejects.toThrow(says);
  });
});

test('a client that lists leaves what it can not read, and reads the rest', async () => {
  const lost = await sealed('lost', codecWith(`gone:${keyOf(9)}`));
  const [first, second] = await leavingUnreadable(codec).decode([lost, await sealed('kept')]);
  expect(first).toBe(lost);
  expect(plain(second ?? {})).toEqual(plain(json('kept')));
});

/** A payload without the difference between bytes that are empty and not there. */
function plain({ metadata, data }: Payload): unknown {
  const entries = Object.entries(metadata ?? {}).map(([key, value]) => [key, Buffer.from(value).toString('hex')]);
  return { metadata: Object.fromEntries(entries) as unknown, data: Buffer.from(data ?? []).toString('hex') };
}
