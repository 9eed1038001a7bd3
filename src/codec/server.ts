import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { PayloadCodec } from '@temporalio/common';
import { AegrailError, messageOf } from '../core/errors.ts';
import { createAccess } from './access.ts';
import { codecHandler, MAX_BODY_BYTES } from './handler.ts';

/** Longest that a request may take to arrive. */
const REQUEST_WITHIN_MS = 30_000;

/** What a codec server is started with. */
export interface CodecServerOptions {
  readonly codec: PayloadCodec;
  readonly host: string;
  /** 0 for a free one. */
  readonly port: number;
  readonly token: string;
  /** Origins of pages that may call it. */
  readonly origins: readonly string[];
  readonly maxBodyBytes?: number;
  /** Told of failures that are not the caller's. */
  readonly onProblem: (message: string) => void;
}

/** A codec server that answers. */
export interface CodecServer {
  /** Without a slash at its end. */
  readonly url: string;
  close(): Promise<void>;
}

/** Starts a codec server. @throws AegrailError CONFIG_INVALID for an address, token or origin that can't be used */
export async function startCodecServer(options: CodecServerOptions): Promise<CodecServer> {
  const { codec, host, port, token, origins, maxBodyBytes = MAX_BODY_BYTES, onProblem } = options;
  const access = createAccess(token, origins);
  const server = createServer(
    { requestTimeout: REQUEST_WITHIN_MS },
    codecHandler({ codec, access, maxBodyBytes, onProblem }),
  );
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (thrown) {
    throw new AegrailError('CONFIG_INVALID', `The codec server can not listen: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
  const { port: taken } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${taken}`,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
