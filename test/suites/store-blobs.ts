import { expect, test } from 'vitest';
import type { Store } from '../../src/store/store.ts';
import { sampleClaim, sampleLines, sampleSession, sha256 } from './sample-session.ts';
import { linesOf } from './store-under-test.ts';

/** What holds for bytes and contracts in every store. */
export function blobTests(store: () => Store): void {
  test('keeps bytes by session and hash', async () => {
    const bytes = Uint8Array.from({ length: 300 }, (_, index) => index % 256);
    const key = await store().putBlob('s1', bytes);
    expect(await store().putBlob('s1', bytes)).toBe(key);
    expect(Buffer.from((await store().getBlob('s1', key))!).equals(bytes)).toBe(true);
    expect(await store().getBlob('s2', key)).toBeNull();
    expect(await store().getBlob('s1', '0'.repeat(64))).toBeNull();
    const empty = await store().putBlob('s1', new Uint8Array());
    expect(await store().getBlob('s1', empty)).toHaveLength(0);
    expect(empty).toBe(sha256(''));
  });

  test('keeps contracts by hash', async () => {
    const key = await store().putContract('{"name":"Zoë 🙂"}');
    expect(key).toBe(sha256('{"name":"Zoë 🙂"}'));
    expect(await store().putContract('{"name":"Zoë 🙂"}')).toBe(key);
    expect(await store().getContract(key)).toBe('{"name":"Zoë 🙂"}');
    expect(await store().getContract('0'.repeat(64))).toBeNull();
  });

  test('erases the bytes of one session, says how many, and leaves all else', async () => {
    const records = sampleSession('s1', 1);
    await store().append('s1', records, sampleClaim(0));
    const keys: string[] = [];
    for (const text of ['hello', 'für Zoë', '']) keys.push(await store().putBlob('s1', Buffer.from(text)));
    const others = await store().putBlob('s2', Buffer.from('hello'));
    expect(await store().eraseBlobs('s1')).toEqual({ blobs: 3, bytes: 5 + 9 });
    for (const key of keys) expect(await store().getBlob('s1', key)).toBeNull();
    expect(Buffer.from((await store().getBlob('s2', others))!).toString()).toBe('hello');
    expect(await linesOf(store(), 's1')).toEqual(sampleLines(records));
    expect((await store().append('s1', [], sampleClaim(0))).claimed).toBe('again');
    expect(await store().eraseBlobs('s1')).toEqual({ blobs: 0, bytes: 0 });
    expect(await store().eraseBlobs('nobody')).toEqual({ blobs: 0, bytes: 0 });
    expect(await store().putBlob('s1', Buffer.from('hello'))).toBe(keys[0]);
    expect(await store().eraseBlobs('s1')).toEqual({ blobs: 1, bytes: 5 });
  });
}
