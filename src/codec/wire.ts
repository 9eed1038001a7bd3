import type { Payload } from '@temporalio/common';

/** A payload as Temporal's codec servers have it in JSON: bytes are base64. */
interface JsonPayload {
  readonly metadata?: Readonly<Record<string, string>>;
  readonly data?: string;
}

/** A body that is not what the codec protocol says. Its message is for whoever sent it. */
export class BadBody extends Error {}

/** Base64, in its usual and in its URL form, as protobuf's JSON allows both. */
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

/** Reads `{"payloads":[{"metadata":{…},"data":"…"}]}`. @throws BadBody */
export function parsePayloads(body: string): Payload[] {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new BadBody('The body is no JSON.');
  }
  const payloads = isObject(value) ? value['payloads'] : undefined;
  if (!Array.isArray(payloads)) throw new BadBody('The body has no list "payloads".');
  return payloads.map((payload: unknown, index) => parsePayload(payload, `payloads[${index}]`));
}

/** Writes payloads as {@link parsePayloads} reads them. */
export function formatPayloads(payloads: readonly Payload[]): string {
  const json = payloads.map(({ metadata, data }): JsonPayload => {
    const entries = Object.entries(metadata ?? {}).map(([key, value]) => [key, base64(value)] as const);
    return { metadata: Object.fromEntries(entries), ...(data?.length ? { data: base64(data) } : {}) };
  });
  return JSON.stringify({ payloads: json });
}

function parsePayload(value: unknown, where: string): Payload {
  if (!isObject(value)) throw new BadBody(`${where} is no object.`);
  const { metadata = {}, data = '' } = value;
  if (!isObject(metadata)) throw new BadBody(`${where}.metadata is no object.`);
  const entries = Object.entries(metadata).map(
    ([key, text]) => [key, bytes(text, `${where}.metadata.${key.slice(0, 64)}`)] as const,
  );
  return { metadata: Object.fromEntries(entries), data: bytes(data, `${where}.data`) };
}

function bytes(text: unknown, where: string): Uint8Array {
  if (typeof text === 'string' && BASE64.test(text)) return new Uint8Array(Buffer.from(text, 'base64'));
  throw new BadBody(`${where} is no base64.`);
}

function base64(value: Uint8Array | null | undefined): string {
  return Buffer.from(value ?? new Uint8Array()).toString('base64');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
