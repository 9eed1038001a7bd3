import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { PayloadCodec } from '@temporalio/common';
import { AegrailError, messageOf } from '../core/errors.ts';
import type { Access } from './access.ts';
import { BadBody, formatPayloads, parsePayloads } from './wire.ts';

/** The largest body by default: some of Temporal's largest payloads (2 MB each) in one request, in base64. */
export const MAX_BODY_BYTES = 16_777_216;

/** What a codec server answers with. */
export interface HandlerOptions {
  readonly codec: PayloadCodec;
  readonly access: Access;
  readonly maxBodyBytes: number;
  /** Told of failures that are not the caller's: a key source that does not answer. */
  readonly onProblem: (message: string) => void;
}

/** An answer that ends a request early. */
class Refusal extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/**
 * Temporal's codec protocol: POST /encode and /decode, with `Authorization: Bearer TOKEN`. The Web UI sends no such
 * header to a server on plain HTTP, so the token can be the first part of the path instead: POST /TOKEN/decode.
 */
export function codecHandler(options: HandlerOptions): RequestListener {
  return (request, response) => {
    void answer(options, request, response).catch((thrown: unknown) => {
      // The caller went away: nobody is to be told.
      if (response.destroyed) return;
      const { status, headers, message } = refusalOf(thrown, options.onProblem);
      // What is left of a body Node reads and drops, so that the caller gets to the answer.
      send(response, status, JSON.stringify({ error: { status, message } }), headers);
    });
  };
}

async function answer(
  { codec, access, maxBodyBytes }: HandlerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { origin } = request.headers;
  response.setHeader('vary', 'Origin');
  if (!access.mayCall(origin))
    throw new Refusal(403, 'Pages of this origin may not call the codec server: see --origin.');
  if (origin !== undefined) response.setHeader('access-control-allow-origin', origin);
  const route = /^(?:\/([^/]+))?\/(encode|decode)$/.exec((request.url ?? '').split('?', 1)[0] ?? '');
  if (!route) throw new Refusal(404, 'There are POST /encode and POST /decode.');
  const [, pathToken = null, direction] = route;
  if (request.method === 'OPTIONS') return preflight(request, response);
  if (request.method !== 'POST') throw new Refusal(405, 'It takes POST.', { allow: 'POST, OPTIONS' });
  if (!access.hasToken(request, pathToken))
    throw new Refusal(401, 'The bearer token is missing, or is another one.', { 'www-authenticate': 'Bearer' });
  const payloads = parsePayloads(await readBody(request, maxBodyBytes));
  const done = direction === 'encode' ? await codec.encode(payloads) : await codec.decode(payloads);
  send(response, 200, formatPayloads(done), {});
}

/** A browser asks before it sends a header of its own. It sends no token with that. */
function preflight(request: IncomingMessage, response: ServerResponse): void {
  response.setHeader('access-control-allow-methods', 'POST');
  response.setHeader('access-control-allow-headers', 'authorization, authorization-extras, content-type, x-namespace');
  response.setHeader('access-control-max-age', '600');
  // A Web UI on a public address may call a codec server on this machine.
  if (request.headers['access-control-request-private-network'] !== undefined)
    response.setHeader('access-control-allow-private-network', 'true');
  response.writeHead(204).end();
}

async function readBody(request: IncomingMessage, maxBytes: number): Promise<string> {
  const tooLarge = (): Refusal => new Refusal(413, `The body has more than ${maxBytes} bytes.`);
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge();
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Left early the iterator would end the connection before it was said why.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function refusalOf(thrown: unknown, onProblem: (message: string) => void): Refusal {
  if (thrown instanceof Refusal) return thrown;
  if (thrown instanceof BadBody) return new Refusal(400, thrown.message);
  if (thrown instanceof AegrailError && thrown.code === 'PAYLOAD_UNREADABLE') return new Refusal(400, thrown.message);
  onProblem(messageOf(thrown));
  return new Refusal(500, 'The codec server could not do it: its own log says why.');
}

function send(response: ServerResponse, status: number, body: string, headers: Readonly<Record<string, string>>): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers }).end(body);
}
