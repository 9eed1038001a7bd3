import type { Payload, PayloadCodec } from '@temporalio/common';
import { encryptionCodec } from './codec.ts';
import { sealedWith } from './seal.ts';

/** Of whoever was given no keys: it decrypts nothing, and says which key is missing. */
const withoutKeys = encryptionCodec({
  current: () => Promise.reject(new TypeError('nothing is encrypted without keys')),
  byId: () => Promise.resolve(null),
});

/**
 * Looks whether a workflow history can be decrypted, by one payload of each key in it. Replayed without a key it would
 * look as if it had been changed.
 *
 * @param history as the Temporal client gives it
 * @param codec of the worker that ran the session, when it encrypted
 * @throws AegrailError PAYLOAD_UNREADABLE, which names the key
 */
export async function refuseUnreadable(history: unknown, codec: PayloadCodec = withoutKeys): Promise<void> {
  const oneOfEach = new Map<string, Payload>();
  for (const payload of encryptedIn(history)) {
    const id = sealedWith(payload) ?? '';
    if (!oneOfEach.has(id)) oneOfEach.set(id, payload);
  }
  await codec.decode([...oneOfEach.values()]);
}

/** Payloads stand in many places of an event: all of its values are looked at. */
function* encryptedIn(value: unknown): Generator<Payload, void, undefined> {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return;
  const { metadata } = value as { readonly metadata?: Payload['metadata'] };
  if (metadata?.['encoding'] instanceof Uint8Array && sealedWith(value) !== null) yield value;
  else for (const inner of Object.values(value)) yield* encryptedIn(inner);
}
