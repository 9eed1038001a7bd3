import { expect, test } from 'vitest';
import type { Store } from '../../src/store/store.ts';
import { sampleClaim, sampleLines, sampleSession, sha256 } from './sample-session.ts';
import { resetAt } from './store-end.ts';
import { linesOf, type StoreUnderTest } from './store-under-test.ts';

/** What holds for bytes and contracts in every store. */
export function blobTests(under: () => StoreUnderTest): void {
  const store = (): Store => under().store;
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

  test('keeps no bytes of a session that was erased, unless it goes on after a reset', async () => {
    const records = sampleSession('s1', 1);
    const keep = (text: string): Promise<string> => store().putBlob('s1', Buffer.from(text));
    const refusal = {
      code: 'SESSION_ENDED',
      message: 'the texts of session s1 were erased, and no others are kept',
    };
    await store().append('s1', records.slice(0, -1));
    const before = await keep('hello');
    // It has no end yet: what it needs it keeps.
    await store().refuseBlobs('s1');
    await keep('under way');
    await store().append('s1', records);
    await expect(keep('late')).rejects.toMatchObject(refusal);
    expect(await store().eraseBlobs('s1')).toEqual({ blobs: 2, bytes: 5 + 9 });
    for (const text of ['late', 'hello', '']) await expect(keep(text)).rejects.toMatchObject(refusal);
    expect(await store().getBlob('s1', before)).toBeNull();
    expect(await store().countBlobs('s1')).toEqual({ blobs: 0, bytes: 0 });
    await store().putBlob('s2', Buffer.from('of another'));
    await store().append('s1', [resetAt(records.length)]);
    expect(await keep('hello')).toBe(before);
    await store().append('s1', [{ ...records.at(-1)!, seq: records.length + 1 }]);
    await expect(keep('late')).rejects.toMatchObject(refusal);
    await store().refuseBlobs('nobody');
    await store().putBlob('nobody', Buffer.from('of one that has not begun'));
  });

  test('what is kept while a session is erased is erased too, or refused', async () => {
    const other = await under().another();
    let refused = 0;
    for (let round = 0; round < 30; round++) {
      const id = `s${round}`;
      await store().append(id, sampleSession(id, 0));
      const keep = (by: Store, text: string): Promise<unknown> =>
        by.putBlob(id, Buffer.from(text)).catch((thrown: unknown) => {
          expect(thrown).toMatchObject({ code: 'SESSION_ENDED' });
          refused += 1;
        });
      const erased = store()
        .refuseBlobs(id)
        .then(() => store().eraseBlobs(id));
      const texts = Array.from({ length: 6 }, (_, nth) => keep(nth % 2 ? store() : other, `text ${nth}`));
      await Promise.all([erased, ...texts]);
      expect(await store().countBlobs(id), `round ${round}`).toEqual({ blobs: 0, bytes: 0 });
    }
    expect(refused).toBeGreaterThan(0);
    await other.close();
  });
}
