import { createHash } from 'node:crypto';
import { messageOf } from '../core/errors.ts';
import { retryAfterMs } from './backoff.ts';
import { SIGNATURE_HEADER, signatureOf } from './signature.ts';
import type { Refused, Wire } from './wire.ts';

/** The header by which a receiver knows a batch that it has already: the SHA-256 of the body, in hex. */
export const IDEMPOTENCY_HEADER = 'idempotency-key';

const MAX_ANSWER_BYTES = 65_536;

/** Where batches go. */
export interface Target {
  readonly url: URL;
  readonly headers: Headers;
  readonly timeoutMs: number;
  /** Key of the signature, or null for none. */
  readonly secret: string | null;
  readonly wire: Wire;
}

/** What became of one request. */
export type Posted =
  | { readonly ok: true; readonly refused: Refused | null }
  | {
      readonly ok: false;
      readonly why: string;
      /** Whether the same request may do better later. */
      readonly isTransient: boolean;
      /** What the receiver asked to wait, in milliseconds. */
      readonly retryAfterMs: number | null;
    };

/** Posts lines in one request. Never throws: what goes wrong is an answer too. */
export async function postLines(target: Target, lines: readonly string[], closing: AbortSignal): Promise<Posted> {
  const { url, secret, timeoutMs, wire } = target;
  const body = wire.bodyOf(lines);
  const headers = new Headers(target.headers);
  headers.set(IDEMPOTENCY_HEADER, createHash('sha256').update(body).digest('hex'));
  // Signed anew each time: the receiver refuses times of long ago.
  if (secret !== null) headers.set(SIGNATURE_HEADER, signatureOf(secret, Math.floor(Date.now() / 1000), body));
  const signal = AbortSignal.any([AbortSignal.timeout(timeoutMs), closing]);
  try {
    // Not followed: a redirect would take the headers, and what they prove, to a host that nobody configured.
    const response = await fetch(url, { method: 'POST', headers, body, signal, redirect: 'manual' });
    if (response.ok && wire.refusedIn !== undefined)
      return { ok: true, refused: wire.refusedIn(await beginningOf(response)) };
    // The status is the answer. Who breaks off in the words behind it has given it all the same.
    await response.body?.cancel().catch(() => undefined);
    return judge(response, wire);
  } catch (error) {
    return { ok: false, why: whyFailed(error, timeoutMs), isTransient: true, retryAfterMs: null };
  }
}

function judge({ ok, status, headers }: Response, wire: Wire): Posted {
  if (ok) return { ok, refused: null };
  return {
    ok,
    why: `answered ${status}`,
    isTransient: wire.isTransient(status),
    retryAfterMs: retryAfterMs(headers.get('retry-after'), Date.now()),
  };
}

/** What came of an answer's body in time, up to a bound: the request was taken, whatever happens to these words. */
async function beginningOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response.body ?? []) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > MAX_ANSWER_BYTES) break;
    }
  } catch {
    // Broken off. Half of an answer is not JSON, and so says nothing.
  }
  return Buffer.concat(chunks).toString();
}

function whyFailed(error: unknown, timeoutMs: number): string {
  if (error instanceof Error && error.name === 'TimeoutError') return `no answer within ${timeoutMs} ms`;
  if (error instanceof Error && error.name === 'AbortError') return 'closed before it was answered';
  const cause = error instanceof Error ? error.cause : undefined;
  return (cause as NodeJS.ErrnoException | undefined)?.code ?? messageOf(cause ?? error);
}
