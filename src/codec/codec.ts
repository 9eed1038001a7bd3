import type { Payload, PayloadCodec } from '@temporalio/common';
import { AegrailError } from '../core/errors.ts';
import { isKeyId, type KeySource } from './keys.ts';
import { seal, sealedWith, unseal } from './seal.ts';

/**
 * A Temporal payload codec that encrypts with AES-256-GCM under the current key of a source, and decrypts with whichever
 * key a payload names. Payloads that are not encrypted pass: sessions from before encryption was on stay readable.
 *
 * Its errors are AegrailError PAYLOAD_UNREADABLE (no such key, or the payload was changed), and what the source throws.
 */
export function encryptionCodec(keys: KeySource): PayloadCodec {
  return {
    async encode(payloads) {
      if (payloads.length === 0) return [];
      const key = await keys.current();
      return payloads.map((payload) => seal(payload, key));
    },
    decode: (payloads) => Promise.all(payloads.map((payload) => open(payload, keys))),
  };
}

/**
 * The same for a client that lists and shows: a payload that can't be decrypted stays as it is, and Temporal's converter
 * says so of it alone. So one session under a lost key does not hide the list of all others.
 */
export function leavingUnreadable(codec: PayloadCodec): PayloadCodec {
  const decodeOne = async (payload: Payload): Promise<Payload> => {
    try {
      const [decoded = payload] = await codec.decode([payload]);
      return decoded;
    } catch (thrown) {
      if (thrown instanceof AegrailError && thrown.code === 'PAYLOAD_UNREADABLE') return payload;
      throw thrown;
    }
  };
  return {
    encode: (payloads) => codec.encode(payloads),
    decode: (payloads) => Promise.all(payloads.map(decodeOne)),
  };
}

async function open(payload: Payload, keys: KeySource): Promise<Payload> {
  const id = sealedWith(payload);
  if (id === null) return payload;
  const key = isKeyId(id) ? await keys.byId(id) : null;
  if (key) return unseal(payload, { id, key: key.key });
  const named = isKeyId(id) ? `the payload key ${id}` : 'a payload key whose id can be none';
  throw new AegrailError(
    'PAYLOAD_UNREADABLE',
    `A payload is encrypted with ${named}, which is not at hand. Give it beside the others: all of them decrypt, the first one encrypts.`,
  );
}
