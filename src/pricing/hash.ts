import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { ModelPrice } from '../core/price.ts';

/** The SHA-256, in hex, of a price table's RFC 8785 form: the same table has the same name wherever it is computed. */
export function priceTableSha256(price: ModelPrice): string {
  const canonical = canonicalize(price);
  if (canonical === undefined) throw new TypeError('a price table has no JSON form');
  return createHash('sha256').update(canonical).digest('hex');
}
