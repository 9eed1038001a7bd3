import { lineOf } from '../core/chain.ts';
import { AegrailError } from '../core/errors.ts';
import type { BatchBounds } from './batches.ts';
import { type Delivery, directDelivery, type Retry } from './delivery.ts';
import { createTurns } from './in-turn.ts';
import type { Target } from './post.ts';
import type { Sink, SinkTrouble } from './sink.ts';
import { spooledDelivery, type SpoolPlace } from './spooled-delivery.ts';

/** Where a webhook posts to, and with what. */
export interface WebhookOptions {
  readonly url: string;
  /** Sent with every request: `{ authorization: 'Bearer …' }`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** How long an answer may take, in milliseconds. 3000 when left out. */
  readonly timeoutMs?: number;
  /** Key of the signature. Nothing is signed when left out. */
  readonly secret?: string;
  /** What goes into one request. 500 records and 1 MiB when left out. */
  readonly batch?: Partial<BatchBounds>;
  /** Four attempts, 250 ms after the first and 30 s at most, when left out. With a spool attempts are not counted. */
  readonly retry?: Partial<Retry>;
  /** Where what is not delivered yet is kept on disk. When left out it is lost after the last attempt. */
  readonly spool?: SpoolPlace;
}

const DEFAULT_TIMEOUT_MS = 3000;
const DEFAULT_BATCH: BatchBounds = { maxRecords: 500, maxBytes: 1_048_576 };
const DEFAULT_RETRY: Retry = { maxAttempts: 4, firstMs: 250, maxMs: 30_000 };

/**
 * Posts records over HTTP: one request a batch, a JSON array (`application/json`) whose elements are the lines of the
 * chain as they stand, one request at a time, in order. No answer in time, 408, 429 and 5xx are tried again; any other
 * answer but 2xx, a redirect too, is final, and the batch is lost. docs/sinks.md is for those who write a receiver.
 *
 * @throws AegrailError CONFIG_INVALID when the url or a header is not one that can be sent, or the spool can't be made
 */
export function webhookSink(options: WebhookOptions): Sink {
  const target = targetOf(options);
  const inTurn = createTurns();
  let trouble: SinkTrouble = () => undefined;
  let isClosed = false;
  const delivery = deliveryOf(options, target, (lost, error) => trouble(lost, error));
  return {
    // The path of a webhook is often its secret, so the name stops at the host.
    name: `webhook ${target.url.origin}`,
    write: (records) =>
      inTurn(async () => {
        if (isClosed) throw new Error('closed');
        await delivery.deliver(records.map(lineOf));
      }),
    listen: (listener) => {
      trouble = listener;
    },
    close: async () => {
      isClosed = true;
      await delivery.close();
    },
  };
}

function deliveryOf({ batch, retry, spool }: WebhookOptions, target: Target, trouble: SinkTrouble): Delivery {
  const bounds = { ...DEFAULT_BATCH, ...batch };
  const retried = { ...DEFAULT_RETRY, ...retry };
  return spool === undefined
    ? directDelivery(target, bounds, retried)
    : spooledDelivery(target, bounds, retried, spool, trouble);
}

function targetOf({ url, headers = {}, timeoutMs = DEFAULT_TIMEOUT_MS, secret = '' }: WebhookOptions): Target {
  const parsed = parseHeaders(headers);
  if (!parsed.has('content-type')) parsed.set('content-type', 'application/json');
  return { url: parseUrl(url), headers: parsed, timeoutMs, secret: secret === '' ? null : secret };
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
