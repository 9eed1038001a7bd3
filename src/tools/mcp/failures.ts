import { ProtocolError, SdkError, SdkErrorCode, SdkHttpError, UnauthorizedError } from '@modelcontextprotocol/client';
import { messageOf } from '../../core/errors.ts';
import { failed, type ToolFailure } from '../failure.ts';
import { MessageTooLarge } from './limited-fetch.ts';
import { isOverflow, STREAM_ENDED } from './transport.ts';

/** Faults of the network that come before a request is sent. */
const NOT_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);
/** Faults that another try does not cure: there is no such program, or it may not be run. */
const PERMANENT = new Set(['ENOENT', 'EACCES', 'ENOTDIR']);
/** HTTP statuses by which a server says "later": 408, 425, 429, and 502 to 504 of what stands before it. */
const LATER = new Set([408, 425, 429, 502, 503, 504]);

type Failed = { readonly ok: false; readonly failure: ToolFailure };

/** Why a server could not be connected to, or not asked for its tools: the tool did not run. */
export function connectFailure(server: string, error: unknown): Failed {
  const answered =
    error instanceof ProtocolError || (error instanceof SdkError && error.code === SdkErrorCode.InvalidResult);
  if (answered)
    return failed('protocol', 'no', false, `MCP server "${server}" answered with an error: ${error.message}`);
  const permanent =
    error instanceof UnauthorizedError ||
    PERMANENT.has(codeOf(error)) ||
    (error instanceof SdkHttpError && !isLater(error.status));
  return failed('connect_failed', 'no', !permanent, `MCP server "${server}" can not be reached: ${explain(error)}`);
}

/** Why a call that was handed to the connection has no result. */
export function callFailure(server: string, error: unknown, complaint: string | null): Failed {
  const says = `MCP server "${server}"`;
  if (error instanceof MessageTooLarge) return failed('result_too_large', 'yes', false, `${says}: ${error.message}`);
  if (error instanceof SdkHttpError) return httpFailure(says, error);
  if (error instanceof UnauthorizedError)
    return failed('server_refused', 'no', false, `${says} refused the credentials (HTTP 401)`);
  if (error instanceof SdkError) return sdkFailure(says, error, complaint);
  if (error instanceof ProtocolError) return protocolFailure(says, error, complaint);
  if (messageOf(error) === 'Not connected')
    return failed('connection_lost', 'no', true, `${says}: the connection had ended`);
  if (NOT_SENT.has(codeOf(error)))
    return failed('connect_failed', 'no', true, `${says} can not be reached: ${explain(error)}`);
  if (error instanceof TypeError) return lost(says, explain(error));
  return failed('protocol', 'maybe', false, `${says} answered with what is not MCP: ${messageOf(error)}`);
}

/** Whether a failure leaves the connection in doubt, so that the next call should make a new one. */
export function endsConnection({ code }: ToolFailure): boolean {
  return (
    code === 'connection_lost' || code === 'connect_failed' || code === 'server_refused' || code === 'result_too_large'
  );
}

/** A server that forgot our session, by starting anew for one, says 404 and has run nothing (MCP, "Session Management"). */
export function isForgottenSession(error: unknown): boolean {
  return error instanceof SdkHttpError && error.status === 404;
}

function httpFailure(says: string, { status, message }: SdkHttpError): Failed {
  // A 5xx may come from a server that broke in the middle of the tool; a 4xx says that it did not begin.
  if (status >= 500) return failed('connection_lost', 'maybe', isLater(status), `${says} answered with HTTP ${status}`);
  return failed('server_refused', 'no', isLater(status), `${says} answered with HTTP ${status}: ${message}`);
}

function sdkFailure(says: string, error: SdkError, complaint: string | null): Failed {
  switch (error.code) {
    case SdkErrorCode.RequestTimeout:
      return failed('timeout', 'maybe', true, `${says} did not answer in time`);
    case SdkErrorCode.NotConnected:
      return failed('connection_lost', 'no', true, `${says}: the connection had ended`);
    case SdkErrorCode.ConnectionClosed:
    case SdkErrorCode.SendFailed:
      return complaint !== null && isOverflow(complaint)
        ? failed(
            'result_too_large',
            'maybe',
            false,
            `${says} sent a message that is too large, so the connection was closed: ${complaint}`,
          )
        : lost(says, complaint);
    default:
      return failed('protocol', 'yes', false, `${says} answered with what breaks the protocol: ${error.message}`);
  }
}

function protocolFailure(says: string, error: ProtocolError, complaint: string | null): Failed {
  if (error.data === STREAM_ENDED) return lost(says, complaint);
  // The SDK checks the output by the tool's schema, and throws the class that a server's own errors come as.
  const liesOfOutput = /output schema|structured content/i.test(error.message);
  return liesOfOutput
    ? failed('protocol', 'yes', false, `${says} broke its own outputSchema: ${error.message}`)
    : failed('protocol', 'maybe', false, `${says} answered with error ${error.code}: ${error.message}`);
}

function lost(says: string, why: string | null): Failed {
  return failed(
    'connection_lost',
    'maybe',
    true,
    `${says}: the connection ended in mid-call${why === null ? '' : `: ${why}`}; whether the tool ran is unknown`,
  );
}

function isLater(status: number): boolean {
  return LATER.has(status) || status === 500;
}

/** `fetch failed` says nothing; its cause does. */
function explain(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause === undefined ? messageOf(error) : `${messageOf(error)} (${codeOf(error) || messageOf(cause)})`;
}

/** The system's name of a fault, of the error or of what caused it. */
function codeOf(error: unknown): string {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ('code' in at && typeof at.code === 'string' && /^[A-Z]/.test(at.code) && !(at instanceof SdkError))
      return at.code;
  }
  return '';
}
