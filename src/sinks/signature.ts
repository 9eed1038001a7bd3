import { createHmac } from 'node:crypto';

/** The header that proves where a batch comes from. */
export const SIGNATURE_HEADER = 'aegrail-signature';

/**
 * `t=<unix seconds>,v1=<hex>`, where v1 is the HMAC-SHA-256, keyed with the secret, of `<t>.<body>`. The time is signed
 * too, so that a request that was listened to can't be sent again later. How a receiver checks it: docs/sinks.md.
 */
export function signatureOf(secret: string, unixSeconds: number, body: string): string {
  const mac = createHmac('sha256', secret).update(`${unixSeconds}.${body}`).digest('hex');
  return `t=${unixSeconds},v1=${mac}`;
}
