import type { ChainedRecord } from '../core/record.ts';
import { AegrailError } from '../core/errors.ts';
import type { BatchBounds } from './batches.ts';
import { type Delivery, directDelivery, type Retry } from './delivery.ts';
import { createTurns } from './in-turn.ts';
import type { Target } from './post.ts';
import type { Sink, SinkTrouble } from './sink.ts';
import { spooledDelivery, type SpoolPlace } from './spooled-delivery.ts';
import type { Wire } from './wire.ts';

/** Where a sink posts to, and with what. */
export interface HttpOptions {
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

/** What a sink posts, by its kind. */
export interface HttpForm {
  /** For messages: `webhook`. */
  readonly kind: string;
  readonly wire: Wire;
  /** What records come to: lines of JSON, each of which goes into a request whole. */
  readonly linesOf: (records: readonly ChainedRecord[]) => readonly string[];
  /** The line of a checkpoint, which goes in a request of its own. Absent where checkpoints have no place. */
  readonly checkpointLine?: (note: string) => string;
}

const DEFAULT_TIMEOUT_MS = 3000;
const DEFAULT_BATCH: BatchBounds = { maxRecords: 500, maxBytes: 1_048_576 };
const DEFAULT_RETRY: Retry = { maxAttempts: 4, firstMs: 250, maxMs: 30_000 };

/**
 * A sink that posts lines over HTTP in batches, one request at a time, in order.
 *
 * @throws AegrailError CONFIG_INVALID when the url or a header is not one that can be sent, or the spool can't be made
 */
export function httpSink(options: HttpOptions, { kind, wire, linesOf, checkpointLine }: HttpForm): Sink {
  const target = targetOf(options, kind, wire);
  const inTurn = createTurns();
  let trouble: SinkTrouble = () => undefined;
  let isClosed = false;
  const delivery = deliveryOf(options, target, (lost, error) => trouble(lost, error));
  const deliver = (work: () => Promise<void>): Promise<void> =>
    inTurn(async () => {
      if (isClosed) throw new Error('closed');
      await work();
    });
  return {
    // The path of a webhook is often its secret, so the name stops at the host.
    name: `${kind} ${target.url.origin}`,
    write: (records) => deliver(() => delivery.deliver(linesOf(records))),
    ...(checkpointLine && {
      writeCheckpoint: (note: string) => deliver(() => delivery.deliverAlone(checkpointLine(note))),
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

function deliveryOf({ batch, retry, spool }: HttpOptions, target: Target, trouble: SinkTrouble): Delivery {
  const bounds = { ...DEFAULT_BATCH, ...batch };
  const retried = { ...DEFAULT_RETRY, ...retry };
  return spool === undefined
    ? directDelivery(target, bounds, retried, trouble)
    : spooledDelivery(target, bounds, retried, spool, trouble);
}

function targetOf(options: HttpOptions, kind: string, wire: Wire): Target {
  const { url, headers = {}, timeoutMs = DEFAULT_TIMEOUT_MS, secret = '' } = options;
  const parsed = parseHeaders(headers, kind);
  if (!parsed.has('content-type')) parsed.set('content-type', 'application/json');
  return { url: parseUrl(url, kind), headers: parsed, timeoutMs, secret: secret === '' ? null : secret, wire };
}

function parseUrl(text: string, kind: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) throw invalid(kind, 'the url is not one of http or https');
  if (url.username !== '' || url.password !== '') throw invalid(kind, 'the url holds a password: put it into a header');
  return url;
}

function parseHeaders(headers: Readonly<Record<string, string>>, kind: string): Headers {
  const parsed = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    try {
      parsed.set(name, value);
    } catch {
      // The platform's message has the value in it, which may be a secret.
      throw invalid(kind, `the header ${JSON.stringify(name)} can not be sent`);
    }
  }
  return parsed;
}

function invalid(kind: string, why: string): AegrailError {
  return new AegrailError('CONFIG_INVALID', `${kind}: ${why}`);
}
