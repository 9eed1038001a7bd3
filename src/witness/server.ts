import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { isIPv6, type AddressInfo } from 'node:net';
import { AegrailError, messageOf } from '../core/errors.ts';
import { addCheckpoint, type Answer, said, type Witness } from './add-checkpoint.ts';

/** Largest request that is read: 63 proof lines, and a note with dozens of signatures, are far below it. */
const MAX_BODY_BYTES = 262_144;
/** How long a client may take to send its request, in milliseconds. */
const REQUEST_TIMEOUT_MS = 10_000;

/** A witness that listens. */
export interface WitnessServer {
  /** Its submission and monitoring prefix. */
  readonly url: string;
  /** Takes no more requests; resolves when those in flight are answered. */
  close(): Promise<void>;
}

/**
 * Serves a witness: `POST /add-checkpoint`, and `GET /<origin hash>/checkpoint` for monitors (C2SP tlog-witness).
 *
 * @param onError told of what went wrong inside: whoever asked gets a 500 without it
 * @throws AegrailError CONFIG_INVALID when the address can't be listened on
 */
export async function serveWitness(
  witness: Witness,
  { host, port }: { readonly host: string; readonly port: number },
  onError: (error: unknown) => void,
): Promise<WitnessServer> {
  const server = createServer((request, response) => {
    answer(request, witness)
      .catch((error: unknown): Answer => {
        onError(error);
        return said(500, 'this witness has a fault');
      })
      .then((given) => send(response, given))
      .catch(onError);
  });
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  await listen(server, host, port);
  const { port: bound } = server.address() as AddressInfo;
  return {
    url: `http://${isIPv6(host) ? `[${host}]` : host}:${bound}`,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeIdleConnections();
      }),
  };
}

async function answer(request: IncomingMessage, witness: Witness): Promise<Answer> {
  const [path = ''] = (request.url ?? '').split('?');
  const [, originHash] = /^\/([0-9a-f]{64})\/checkpoint$/.exec(path) ?? [];
  if (originHash !== undefined && request.method === 'GET') {
    const latest = witness.state.latestByHash(originHash);
    return latest
      ? { status: 200, type: 'text/plain; charset=utf-8', body: latest.note }
      : said(404, 'no checkpoint of a log of this origin was cosigned');
  }
  if (path !== '/add-checkpoint') return said(404, 'there is nothing here: POST to /add-checkpoint');
  if (request.method !== 'POST') return said(405, 'use POST');
  const bytes = await bodyOf(request);
  if (bytes === null) return said(413, `a request may have ${MAX_BODY_BYTES} bytes`);
  const body = textOf(bytes);
  return body === null ? said(400, 'the request is not UTF-8') : addCheckpoint(body, witness);
}

/** The whole body, or null when it is too large. */
async function bodyOf(request: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function textOf(bytes: Buffer): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

function send(response: ServerResponse, { status, type, body }: Answer): void {
  // What of a request was not read would be taken for the next one.
  const isRead = status !== 413 && status !== 405;
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    ...(status === 405 ? { allow: 'POST' } : {}),
    ...(isRead ? {} : { connection: 'close' }),
  });
  response.end(body);
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((done, fail) => {
    server.once('error', (error) =>
      fail(
        new AegrailError('CONFIG_INVALID', `${host}:${port} can not be listened on: ${messageOf(error)}`, {
          cause: error,
        }),
      ),
    );
    server.listen(port, host, done);
  });
}
