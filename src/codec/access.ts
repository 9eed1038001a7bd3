import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { AegrailError } from '../core/errors.ts';

/** What needs no escaping in a URL, and is too long to be guessed. */
const TOKEN = /^[A-Za-z0-9._~-]{16,256}$/;

/** Who may use a codec server. */
export interface Access {
  /** Whether a request carries the token: in its header, or as the first part of its path. */
  hasToken(request: IncomingMessage, pathToken: string | null): boolean;
  /** Whether a page of this origin may call it. Programs that are no browsers send none. */
  mayCall(origin: string | undefined): boolean;
}

/**
 * @param token the bearer token: 16 characters or more that need no escaping in a URL
 * @param origins pages that may call it, as browsers name them: `https://temporal.example`, without a path
 * @throws AegrailError CONFIG_INVALID, which shows no token
 */
export function createAccess(token: string, origins: readonly string[]): Access {
  if (!TOKEN.test(token)) {
    const rule = 'it must have 16 to 256 letters, digits, dots, -, _ and ~';
    throw new AegrailError('CONFIG_INVALID', `The token of the codec server can not be used: ${rule}.`);
  }
  const allowed = new Set(origins.map(checkedOrigin));
  const expected = digest(token);
  return {
    hasToken(request, pathToken) {
      const given = pathToken ?? /^Bearer ([^\s]+)$/i.exec(request.headers.authorization ?? '')?.[1];
      // Digests have one length, whatever was given: the time says nothing of the token.
      return given !== undefined && timingSafeEqual(digest(given), expected);
    },
    mayCall: (origin) => origin === undefined || allowed.has(origin),
  };
}

/** @throws AegrailError CONFIG_INVALID for what no browser sends as an origin */
function checkedOrigin(text: string): string {
  if (URL.canParse(text) && new URL(text).origin === text) return text;
  const example =
    URL.canParse(text) && new URL(text).origin !== 'null' ? new URL(text).origin : 'http://127.0.0.1:8233';
  throw new AegrailError(
    'CONFIG_INVALID',
    `${JSON.stringify(text)} is no origin of a page: it has scheme, host and port and nothing more, such as ${example}.`,
  );
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
