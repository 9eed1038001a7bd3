import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Payload } from '@temporalio/common';
import proto from '@temporalio/proto';
import { AegrailError } from '../core/errors.ts';
import { isKeyId, KEY_BYTES, type PayloadKey } from './keys.ts';

const { Payload: PayloadMessage } = proto.temporal.api.common.v1;

/** Values of the metadata of an encrypted payload. Temporal's own samples use the same `encoding` and name of the key. */
const ENCODING = 'binary/encrypted';
const CIPHER = 'AES-256-GCM';
/** Of NIST SP 800-38D: the IV that GCM takes as it is, and the full tag. */
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** Encrypts a payload whole, its metadata too: what is left in clear is {@link ENCODING}, cipher and key id. */
export function seal(payload: Payload, { id, key }: PayloadKey): Payload {
  refuseOtherKey({ id, key });
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_BYTES });
  cipher.setAAD(boundText(id));
  const plain = PayloadMessage.encode(payload).finish();
  const data = Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  const metadata = { encoding: utf8(ENCODING), 'encryption-cipher': utf8(CIPHER), 'encryption-key-id': utf8(id) };
  return { metadata, data: new Uint8Array(data) };
}

/** The id of the key of an encrypted payload, or null for a payload that is not of this codec. */
export function sealedWith({ metadata }: Payload): string | null {
  if (text(metadata?.['encoding']) !== ENCODING || text(metadata?.['encryption-cipher']) !== CIPHER) return null;
  return text(metadata?.['encryption-key-id']);
}

/** Decrypts a payload. @throws AegrailError PAYLOAD_UNREADABLE when a byte of it is not what was encrypted */
export function unseal({ data }: Payload, { id, key }: PayloadKey): Payload {
  refuseOtherKey({ id, key });
  const sealed = data ?? new Uint8Array();
  if (sealed.length < IV_BYTES + TAG_BYTES) throw changed(id, null);
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(boundText(id));
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  try {
    const plain = Buffer.concat([decipher.update(sealed.subarray(IV_BYTES, -TAG_BYTES)), decipher.final()]);
    const { metadata, data } = PayloadMessage.decode(new Uint8Array(plain));
    return { metadata, data };
  } catch (thrown) {
    throw changed(id, thrown);
  }
}

/** Bound to the ciphertext: neither the cipher's name nor the key's id can be exchanged for another. */
function boundText(id: string): Uint8Array {
  return utf8(`${ENCODING}\n${CIPHER}\n${id}`);
}

/** A key source of somebody's own may give anything. */
function refuseOtherKey({ id, key }: PayloadKey): void {
  if (!isKeyId(id))
    throw new AegrailError('CONFIG_INVALID', 'The key source gave a key without an id that can be one.');
  if (key.length !== KEY_BYTES)
    throw new AegrailError(
      'CONFIG_INVALID',
      `The payload key ${id} has ${key.length} bytes, and must have ${KEY_BYTES}.`,
    );
}

function changed(id: string, cause: unknown): AegrailError {
  const why = `A payload that names the key ${id} does not decrypt with it: it was changed, or the key of that id is another one here.`;
  return new AegrailError('PAYLOAD_UNREADABLE', why, { cause });
}

function utf8(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

function text(bytes: Uint8Array | null | undefined): string {
  return bytes ? new TextDecoder().decode(bytes) : '';
}
