import { type JSONRPCMessage, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import type { Logger } from 'pino';
import { limitedFetch } from './limited-fetch.ts';
import { forEachLine } from './log-lines.ts';
import { sealedEnvironment } from './server-environment.ts';
import type { ResolvedServer } from './server-config.ts';

/**
 * Largest message that is taken from a server, in bytes. The SDK joins what it has with each chunk that arrives, which costs
 * the square of the size: at 10 MiB (its own default) about a third of a second.
 */
export const MAX_MESSAGE_BYTES = 10 * 1024 * 1024;

/** Put into the error that stands for an answer that never came, to know it by. */
export const STREAM_ENDED = 'aegrail: stream ended';

/** Whether a complaint of the SDK is of a message over {@link MAX_MESSAGE_BYTES}. */
export function isOverflow(complaint: string): boolean {
  return complaint.startsWith('ReadBuffer exceeded');
}

/** A transport for one connection. Not started: the client does that. */
export function createTransport(
  server: ResolvedServer,
  logger: Logger,
): StdioClientTransport | StreamableHTTPClientTransport {
  return server.kind === 'stdio' ? stdioTransport(server, logger) : httpTransport(server);
}

function stdioTransport(server: ResolvedServer & { readonly kind: 'stdio' }, logger: Logger): StdioClientTransport {
  const transport = new StdioClientTransport({
    command: server.command,
    args: [...server.args],
    env: sealedEnvironment(server.env),
    cwd: server.cwd,
    stderr: 'pipe',
    maxBufferSize: MAX_MESSAGE_BYTES,
  });
  Object.assign(transport, {
    onerror: (error: Error) => {
      // The SDK ends such a connection too, but asks the process nicely first, while the calls in flight wait for seconds.
      if (isOverflow(error.message) && transport.pid !== null) process.kill(transport.pid);
    },
  });
  const { stderr } = transport;
  if (stderr !== null)
    forEachLine(stderr, (line) => logger.debug({ mcpServer: server.name, stderr: line }, 'MCP server wrote to stderr'));
  return transport;
}

function httpTransport(server: ResolvedServer & { readonly kind: 'http' }): StreamableHTTPClientTransport {
  const transport = new StreamableHTTPClientTransport(server.url, {
    requestInit: { headers: { ...server.headers } },
    fetch: limitedFetch(MAX_MESSAGE_BYTES),
  });
  answerEndedStreams(transport);
  return transport;
}

/**
 * The SDK tells nobody when the stream that a request's answer should come on ends without it: the call would wait for its
 * timeout. So the end is turned into an error for that request; if the answer did come, nobody waits for it any more.
 */
function answerEndedStreams(transport: StreamableHTTPClientTransport): void {
  const send = transport.send.bind(transport);
  transport.send = (message, options) => {
    // A subscription's request watches the end of its stream itself.
    const watched = options?.onRequestStreamEnd !== undefined;
    if (watched || Array.isArray(message) || !('method' in message) || !('id' in message))
      return send(message, options);
    const onRequestStreamEnd = (): void => {
      const error: JSONRPCMessage = {
        jsonrpc: '2.0',
        id: message.id,
        error: { code: -32000, message: STREAM_ENDED, data: STREAM_ENDED },
      };
      transport.onmessage?.(error);
    };
    return send(message, { ...options, onRequestStreamEnd });
  };
}
