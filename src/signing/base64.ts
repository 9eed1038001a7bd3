/**
 * Base64 (RFC 4648, section 4) in the one form that it has: with padding, without spare bits, white space or letters of
 * other alphabets.
 *
 * @returns null for any other text: Node decodes what it can and leaves the rest out
 */
export function fromBase64(text: string): Uint8Array | null {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : null;
}

/** Bytes as base64 with padding. */
export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
