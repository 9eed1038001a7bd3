import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request that came. */
export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A real HTTP server on loopback that keeps what it is sent. */
export interface Receiver {
  readonly url: string;
  readonly requests: Received[];
  /** Answers from now on. Without an answer, requests are left hanging. */
  answer: ((response: ServerResponse, path: string) => void) | null;
  close(): Promise<void>;
}

/** Starts a {@link Receiver} that answers 204, on a free port or on that of one that was closed. */
export async function startReceiver(url?: string): Promise<Receiver> {
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { url: path = '', headers } = request;
      receiver.requests.push({ path, headers, body: Buffer.concat(chunks).toString() });
      receiver.answer?.(response, path);
    });
  });
  const receiver: Receiver = {
    url: '',
    requests: [],
    answer: (response) => response.writeHead(204).end(),
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  server.listen(url === undefined ? 0 : Number(new URL(url).port), '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(receiver, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook/secret-path`,
  });
}
