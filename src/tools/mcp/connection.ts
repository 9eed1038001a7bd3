import { Client, StreamableHTTPClientTransport, UnsupportedProtocolVersionError } from '@modelcontextprotocol/client';
import type { Logger } from 'pino';
import { messageOf } from '../../core/errors.ts';
import { type Listing, listTools } from './listing.ts';
import type { ResolvedServer } from './server-config.ts';
import { createTransport } from './transport.ts';
import { within } from './within.ts';

/** How this client calls itself to servers. */
export interface ClientInfo {
  readonly name: string;
  readonly version: string;
}

/** What a connection is made with. */
export interface ConnectOptions {
  readonly logger: Logger;
  readonly clientInfo: ClientInfo;
  readonly connectTimeoutMs: number;
}

/** A server that was connected to. */
export interface McpConnection {
  readonly client: Client;
  /** False once the process ended, the transport closed, or the server stopped telling of changes. */
  readonly isUsable: () => boolean;
  /** The transport's last complaint, which says more than "Connection closed". */
  readonly lastError: () => string | null;
  /** Whether the server gave this connection a session that it may forget. */
  readonly hasSession: () => boolean;
  /** The tools, listed once; again when the server says that they changed, or can not say so (HTTP) and a minute passed. */
  readonly tools: () => Promise<Listing>;
  readonly close: () => Promise<void>;
}

/** Over HTTP a server need not tell of changes, and the stream that it tells them on may break unheard. */
const HTTP_LIST_MAX_AGE_MS = 60_000;
/** How long a polite end of a session may take. */
const GOODBYE_MS = 1_000;

/**
 * Connects to a server. A process is spoken to in the protocol of 2025 first, which all servers know: to ask for the
 * newer one the SDK starts the process twice. Over HTTP asking costs one request.
 *
 * @throws what the SDK throws, and Error when it takes longer than the time.
 */
export async function connectMcp(server: ResolvedServer, options: ConnectOptions): Promise<McpConnection> {
  if (server.kind === 'http') return open(server, options, 'auto');
  try {
    return await open(server, options, 'legacy');
  } catch (error) {
    if (!(error instanceof UnsupportedProtocolVersionError)) throw error;
    return open(server, options, 'auto');
  }
}

async function open(server: ResolvedServer, options: ConnectOptions, mode: 'auto' | 'legacy'): Promise<McpConnection> {
  const transport = createTransport(server, options.logger);
  const state: {
    usable: boolean;
    lastError: string | null;
    listing: { promise: Promise<Listing>; sinceMs: number } | null;
  } = {
    usable: true,
    lastError: null,
    listing: null,
  };
  const client = new Client(options.clientInfo, {
    versionNegotiation: { mode },
    inputRequired: { autoFulfill: false },
    listChanged: { tools: { autoRefresh: false, debounceMs: 0, onChanged: () => (state.listing = null) } },
  });
  Object.assign(client, {
    onclose: () => {
      state.usable = false;
      options.logger.debug({ mcpServer: server.name }, 'MCP connection closed');
    },
    onerror: (error: Error) => {
      state.lastError = error.message;
      options.logger.debug({ mcpServer: server.name, error: error.message }, 'MCP connection complained');
    },
  });
  await handshake(client, transport, options.connectTimeoutMs);
  // The end of this stream is heard only here; a new connection opens a new one.
  void client.autoOpenedSubscription?.closed.then(() => (state.usable = false));
  return {
    client,
    isUsable: () => state.usable,
    lastError: () => state.lastError,
    hasSession: () => transport instanceof StreamableHTTPClientTransport && transport.sessionId !== undefined,
    tools: () => {
      const nowMs = performance.now();
      const old =
        server.kind === 'http' && state.listing !== null && nowMs - state.listing.sinceMs > HTTP_LIST_MAX_AGE_MS;
      if (state.listing !== null && !old) return state.listing.promise;
      const listing = { promise: listTools(client, options.connectTimeoutMs), sinceMs: nowMs };
      state.listing = listing;
      listing.promise.catch(() => {
        if (state.listing === listing) state.listing = null;
      });
      return listing.promise;
    },
    close: () => closeAll(client, transport),
  };
}

type AnyTransport = ReturnType<typeof createTransport>;

async function handshake(client: Client, transport: AnyTransport, timeoutMs: number): Promise<void> {
  const giveUp = new AbortController();
  const connected = client.connect(transport, { timeout: timeoutMs, signal: giveUp.signal });
  // A probe, a handshake and a subscription each have the SDK's timeout: this one is over all of them.
  const outcome = await within(connected, giveUp.signal, timeoutMs);
  if (outcome.kind === 'value') return;
  giveUp.abort();
  // A process that does not go by itself takes four seconds to be killed: nobody waits for that.
  void closeAll(client, transport);
  if (outcome.kind === 'error') throw outcome.error;
  throw new Error(`no answer to the MCP handshake within ${timeoutMs} ms`);
}

/** Ends a connection, and the server's session or process with it. Never throws. */
async function closeAll(client: Client, transport: AnyTransport): Promise<void> {
  if (transport instanceof StreamableHTTPClientTransport) {
    await within(transport.terminateSession(), AbortSignal.timeout(GOODBYE_MS), GOODBYE_MS);
  }
  // The transport too: the client forgets one whose handshake failed.
  await Promise.all([client.close(), transport.close()].map((closing) => closing.catch(messageOf)));
}
