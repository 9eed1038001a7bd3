import { APICallError } from '@ai-sdk/provider';
import { messageOf } from '../core/errors.ts';
import { ResponseTooLarge } from './limited-fetch.ts';

/** What was thrown by a provider, as the guard needs it. `started: no` is surely not billed; all else may be. */
export interface ProviderFailure {
  readonly code: string;
  readonly message: string;
  readonly started: 'no' | 'maybe';
  readonly retryable: boolean;
  readonly status: number | null;
  readonly retryAfterMs: number | null;
}

/** Errors of a connection that was never made. */
const NEVER_CONNECTED = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);
/** Statuses of a proxy that may have given up on a provider that works on, and bills. */
const GATEWAY = new Set([408, 502, 504]);

/** Classifies whatever a provider package threw. Its own `isRetryable` knows nothing of money. */
export function classifyProviderError(thrown: unknown, nowMs: number): ProviderFailure {
  const failure = { message: messageOf(thrown), status: null, retryAfterMs: null };
  if (causes(thrown).some((cause) => cause instanceof ResponseTooLarge)) {
    return { ...failure, code: 'RESPONSE_TOO_LARGE', started: 'maybe', retryable: false };
  }
  if (thrown instanceof Error && ['TimeoutError', 'AbortError'].includes(thrown.name)) {
    return { ...failure, code: 'TIMEOUT', started: 'maybe', retryable: true };
  }
  if (!APICallError.isInstance(thrown)) return { ...failure, code: 'BAD_RESPONSE', started: 'maybe', retryable: false };
  const { statusCode, responseHeaders } = thrown;
  if (statusCode === undefined) return connectionFailure(thrown, failure);
  if (statusCode < 300)
    return { ...failure, code: 'BAD_RESPONSE', started: 'maybe', retryable: isCut(thrown), status: statusCode };
  return {
    message: `HTTP ${statusCode}: ${thrown.message}`,
    code: codeOf(statusCode),
    // Whoever redirects may have worked before: only a refusal surely did not.
    started: statusCode < 400 || GATEWAY.has(statusCode) || isCut(thrown) ? 'maybe' : 'no',
    retryable: statusCode === 408 || statusCode === 409 || statusCode === 429 || statusCode >= 500,
    status: statusCode,
    retryAfterMs: retryAfter(responseHeaders, nowMs),
  };
}

function connectionFailure(
  thrown: APICallError,
  failure: Pick<ProviderFailure, 'message' | 'status' | 'retryAfterMs'>,
): ProviderFailure {
  const codes = causes(thrown).map((cause) => (cause as { code?: unknown }).code);
  const connected = !codes.some((code) => typeof code === 'string' && NEVER_CONNECTED.has(code));
  // "bad port" has no code and would be tried for ever.
  const retryable = codes.some((code) => typeof code === 'string');
  return {
    ...failure,
    code: connected ? 'CONNECTION_LOST' : 'CONNECT_FAILED',
    started: connected ? 'maybe' : 'no',
    retryable,
  };
}

/** A body that ended before it should: what was computed was computed. */
function isCut(thrown: APICallError): boolean {
  return causes(thrown).some((cause) => cause instanceof Error && cause.message === 'terminated');
}

function codeOf(status: number): string {
  if (status < 400) return 'REDIRECTED';
  if (status === 429) return 'RATE_LIMITED';
  if (status === 401 || status === 403) return 'UNAUTHORIZED';
  return status >= 500 ? 'PROVIDER_ERROR' : 'BAD_REQUEST';
}

/** `retry-after` in seconds or as an HTTP date (RFC 9110, 10.2.3), or OpenAI's `retry-after-ms`. */
function retryAfter(headers: Readonly<Record<string, string>> | undefined, nowMs: number): number | null {
  const ms = Number(headers?.['retry-after-ms']);
  if (headers?.['retry-after-ms'] && Number.isFinite(ms) && ms >= 0) return ms;
  const text = headers?.['retry-after']?.trim();
  if (!text) return null;
  // A number beyond all numbers is a wait beyond all deadlines, and JSON has no Infinity.
  if (/^\d+(\.\d+)?$/.test(text)) return Math.min(Math.round(Number(text) * 1000), Number.MAX_SAFE_INTEGER);
  const date = Date.parse(text);
  return Number.isNaN(date) ? null : Math.max(0, date - nowMs);
}

function causes(thrown: unknown): unknown[] {
  const chain: unknown[] = [];
  for (let cause = thrown; cause && chain.length < 8; cause = (cause as { cause?: unknown }).cause) chain.push(cause);
  return chain;
}
