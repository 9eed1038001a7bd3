import type { IncomingMessage, ServerResponse } from 'node:http';
import { RequestRefused } from './request.ts';

const MAX_BODY_BYTES = 20 * 1024 * 1024;

/** What is sent, and how much of it: all, nothing for ever, or that many bytes before the connection is closed. */
export interface Delivery {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly sent: 'whole' | 'nothing' | { readonly bytes: number };
}

/**
 * Reads a whole request body.
 *
 * @throws RequestRefused (413) above 20 MB, after reading it to the end so that the client can read the answer
 * @throws Error when the client goes away before the end
 */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    const buffer = Buffer.from(chunk);
    bytes += buffer.length;
    if (bytes <= MAX_BODY_BYTES) chunks.push(buffer);
  }
  if (bytes > MAX_BODY_BYTES) {
    throw new RequestRefused(`Request exceeds the maximum size of ${MAX_BODY_BYTES} bytes: it has ${bytes}.`, {
      status: 413,
      type: 'request_too_large',
    });
  }
  return Buffer.concat(chunks);
}

/** Sends what a delivery says. Does nothing when the client has already gone. */
export function deliver(response: ServerResponse, delivery: Delivery): void {
  if (response.destroyed || delivery.sent === 'nothing') return;
  const body = Buffer.from(delivery.body, 'utf8');
  response.writeHead(delivery.status, {
    'content-type': 'application/json',
    ...delivery.headers,
    'content-length': body.length,
  });
  if (delivery.sent === 'whole') {
    response.end(body);
    return;
  }
  response.flushHeaders();
  const part = body.subarray(0, Math.min(delivery.sent.bytes, body.length - 1));
  if (part.length > 0) response.write(part);
  // Sends what was written, then closes: the client sees fewer bytes than content-length promised.
  response.socket?.destroySoon();
}

/** Resolves when the connection of a response has closed, or the whole response was sent: true when it was sent. */
export function whenOver(response: ServerResponse): Promise<boolean> {
  return new Promise((resolve) => {
    if (response.closed) resolve(response.writableFinished);
    else response.once('close', () => resolve(response.writableFinished));
  });
}

/** Waits, but no longer than the client does. */
export function waitWhileConnected(response: ServerResponse, delayMs: number): Promise<void> {
  if (delayMs <= 0 || response.closed) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, delayMs);
    response.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
