import { randomBytes } from 'node:crypto';
import { AegrailError } from '../core/errors.ts';

/** Bytes of a key of AES-256. */
export const KEY_BYTES = 32;

/** Short enough that no key of 32 bytes in base64, given in the wrong place, is taken for an id and shown. */
const KEY_ID = /^[A-Za-z0-9._-]{1,32}$/;
/** 32 bytes in base64: 43 characters and one of padding. */
const KEY_BASE64 = /^[A-Za-z0-9+/]{43}=$/;

/** A key and the name by which payloads refer to it. The key of an id never changes: rotation brings a new id. */
export interface PayloadKey {
  /** 1 to 32 letters, digits, `.`, `_` and `-`. It is in clear in every payload. */
  readonly id: string;
  /** 32 bytes. */
  readonly key: Uint8Array;
}

/**
 * Where keys come from. Both are asked for every batch of payloads, so a source that goes over the network keeps what it
 * was told. What they throw fails the workflow task, activity or call that needs the key.
 */
export interface KeySource {
  /** The key that encrypts from now on. */
  current(): Promise<PayloadKey>;
  /** The key of an id, or null when there is none of it: it decrypts what was encrypted before. */
  byId(id: string): Promise<PayloadKey | null>;
}

/** Whether a text can be the id of a key. */
export function isKeyId(text: string): boolean {
  return KEY_ID.test(text);
}

/**
 * Reads keys: `id:base64 of 32 bytes`, several with commas between them. The first one encrypts, all decrypt.
 *
 * @param where what the text was read from, for messages
 * @throws AegrailError CONFIG_INVALID, which shows no key
 */
export function parsePayloadKeys(text: string, where: string): KeySource {
  return keySource(text.split(','), where, 'entry');
}

/** The same for a text with a key on each line, where `#` begins a comment. @throws AegrailError CONFIG_INVALID */
export function parsePayloadKeyLines(text: string, where: string): KeySource {
  return keySource(
    text.split('\n').map((line) => line.replace(/#.*/s, '')),
    where,
    'line',
  );
}

/** A new random key as {@link parsePayloadKeys} reads it. @throws AegrailError CONFIG_INVALID for an id that is none */
export function generatePayloadKey(id = `k-${randomBytes(4).toString('hex')}`): string {
  if (!isKeyId(id)) throw new AegrailError('CONFIG_INVALID', `The id of a payload key ${ID_RULE}.`);
  return `${id}:${randomBytes(KEY_BYTES).toString('base64')}`;
}

const ID_RULE = 'has 1 to 32 letters, digits, dots, _ and -';

function keySource(entries: readonly string[], where: string, unit: 'entry' | 'line'): KeySource {
  const keys = new Map<string, PayloadKey>();
  for (const [index, entry] of entries.entries()) {
    if (entry.trim() === '') continue;
    const key = parseKey(entry.trim(), `${where}: ${unit} ${index + 1}`);
    if (keys.has(key.id)) throw new AegrailError('CONFIG_INVALID', `${where}: the id ${key.id} is there twice.`);
    keys.set(key.id, key);
  }
  const [first] = keys.values();
  if (!first) {
    const how = 'Make one with "aegrail payload-key".';
    throw new AegrailError('CONFIG_INVALID', `${where}: has no payload key. ${how}`);
  }
  return {
    current: () => Promise.resolve(first),
    byId: (id) => Promise.resolve(keys.get(id) ?? null),
  };
}

/** Says what is wrong with an entry without showing any of it but its id. */
function parseKey(entry: string, where: string): PayloadKey {
  const form = 'A payload key is id:base64, with 32 bytes in base64, as "aegrail payload-key" prints it.';
  const colon = entry.indexOf(':');
  if (colon < 0) throw new AegrailError('CONFIG_INVALID', `${where}: has no colon after an id. ${form}`);
  const id = entry.slice(0, colon).trim();
  if (!isKeyId(id))
    throw new AegrailError('CONFIG_INVALID', `${where}: has an id that is none: it ${ID_RULE}. ${form}`);
  const text = entry.slice(colon + 1).trim();
  const key = Buffer.from(text, 'base64');
  if (!KEY_BASE64.test(text) || key.toString('base64') !== text)
    throw new AegrailError('CONFIG_INVALID', `${where}: the key ${id} is not 32 bytes in base64. ${form}`);
  return { id, key: new Uint8Array(key) };
}
