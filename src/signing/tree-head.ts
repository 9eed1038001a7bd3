import { AegrailError } from '../core/errors.ts';
import { fromBase64 } from './base64.ts';

/** Bytes of a root. */
const ROOT_BYTES = 32;

/** A log's tree at a size: what every C2SP tlog-checkpoint says, whoever made it. */
export interface TreeHead {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
  /** Further lines. What they mean is the log's business. */
  readonly extensions: readonly string[];
}

/**
 * Reads the text of a checkpoint (C2SP tlog-checkpoint).
 *
 * @throws AegrailError LOG_INVALID with a reason
 */
export function parseTreeHead(text: string): TreeHead {
  if (!text.endsWith('\n')) throw invalid('it does not end with LF');
  const [origin = '', size = '', root = '', ...extensions] = text.slice(0, -1).split('\n');
  if (origin === '') throw invalid('its first line, the origin, is empty');
  if (extensions.includes('')) throw invalid('it has an empty line');
  const rootBytes = fromBase64(root);
  if (rootBytes?.length !== ROOT_BYTES) throw invalid('its third line is not the base64 of a root of 32 bytes');
  return { origin, size: parseDecimal(size, 'its second line, the size,'), root: rootBytes, extensions };
}

/** Reads a whole number up to 2^53-1, without sign or leading zeros. @throws AegrailError LOG_INVALID */
export function parseDecimal(text: string, what: string): number {
  if (!/^(0|[1-9]\d{0,15})$/.test(text) || !Number.isSafeInteger(Number(text)))
    throw invalid(`${what} is not a whole number from 0 to 9007199254740991 without leading zeros`);
  return Number(text);
}

function invalid(why: string): AegrailError {
  return new AegrailError('LOG_INVALID', `this is no checkpoint: ${why}`);
}
