import { lineOf } from '../core/chain.ts';
import { AegrailError, messageOf } from '../core/errors.ts';
import type { Sink } from './sink.ts';

/** Where a webhook posts to, and with what. */
export interface WebhookOptions {
  readonly url: string;
  /** Sent with every request: `{ authorization: 'Bearer …' }`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** How long an answer may take, in milliseconds. 3000 when left out. */
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 3000;

/**
 * Posts records over HTTP: one request a batch, a JSON array (`application/json`) whose elements are the lines of the
 * chain as they stand. Any answer but 2xx within the timeout is a failure, a redirect too, and nothing is tried again.
 *
 * @throws AegrailError CONFIG_INVALID when the url or a header is not one that can be sent
 */
export function webhookSink({ url, headers = {}, timeoutMs = DEFAULT_TIMEOUT_MS }: WebhookOptions): Sink {
  const target = parseUrl(url);
  const sent = parseHeaders(headers);
  if (!sent.has('content-type')) sent.set('content-type', 'application/json');
  const closing = new AbortController();
  return {
    // The path of a webhook is often its secret, so the name stops at the host.
    name: `webhook ${target.origin}`,
    write: async (records) => {
      const signal = AbortSignal.any([AbortSignal.timeout(timeoutMs), closing.signal]);
      const body = `[${records.map(lineOf).join(',')}]`;
      const status = await post(target, sent, body, signal).catch((error: unknown) => {
        throw new Error(whyFailed(error, timeoutMs), { cause: error });
      });
      if (status < 200 || status > 299) throw new Error(`answered ${status}`);
    },
    close: async () => closing.abort(),
  };
}

async function post(url: URL, headers: Headers, body: string, signal: AbortSignal): Promise<number> {
  // Not followed: a redirect would take the headers, and what they prove, to a host that nobody configured.
  const response = await fetch(url, { method: 'POST', headers, body, signal, redirect: 'manual' });
  await response.body?.cancel();
  return response.status;
}

function whyFailed(error: unknown, timeoutMs: number): string {
  if (error instanceof Error && error.name === 'TimeoutError') return `no answer within ${timeoutMs} ms`;
  if (error instanceof Error && error.name === 'AbortError') return 'closed before it was answered';
  const cause = error instanceof Error ? error.cause : undefined;
  return (cause as NodeJS.ErrnoException | undefined)?.code ?? messageOf(cause ?? error);
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) throw invalid('the url is not one of http or https');
  if (url.username !== '' || url.password !== '') throw invalid('the url holds a password: put it into a header');
  return url;
}

function parseHeaders(headers: Readonly<Record<string, string>>): Headers {
  const parsed = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    try {
      parsed.set(name, value);
    } catch {
      // The platform's message has the value in it, which may be a secret.
      throw invalid(`the header ${JSON.stringify(name)} can not be sent`);
    }
  }
  return parsed;
}

function invalid(why: string): AegrailError {
  return new AegrailError('CONFIG_INVALID', `webhook: ${why}`);
}
