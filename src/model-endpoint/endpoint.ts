import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { anthropicProtocol } from './anthropic.ts';
import { billUsdNano, type BilledCall, type TokenPrices, type UnbilledRequest } from './billing.ts';
import { deliver } from './http.ts';
import { openAiProtocol } from './openai.ts';
import type { Protocol } from './protocol.ts';
import type { Script } from './script.ts';
import { serveCall, type EndpointState } from './serve.ts';
import { countTokens, type CountTokens } from './tokens.ts';

/** How to start a scripted endpoint. */
export interface ModelEndpointOptions {
  readonly script: Script;
  /** Port on 127.0.0.1; a free one when left out. */
  readonly port?: number;
  /** Answer 401 to a request without a key. Any key is right. Off when left out. */
  readonly requireKey?: boolean;
  /**
   * Report, and bill at the cached rate, the beginning of a prompt that was billed before. Off when left out. Real
   * providers cache from 1,024 tokens on, in steps, and (Anthropic) only where asked; here every message counts.
   */
  readonly promptCaching?: boolean;
  /** Names that `GET /v1/models` lists. Requests may name any model. */
  readonly models?: readonly string[];
  /** Counts tokens in place of `countTokens`. */
  readonly tokenizer?: CountTokens;
}

/** A running scripted endpoint. */
export interface ModelEndpoint {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly openaiBaseUrl: string;
  readonly anthropicBaseUrl: string;
  /** What was billed, in the order in which processing began. A call is here before its answer is sent. */
  readonly calls: readonly BilledCall[];
  /** What was refused or failed, and so cost nothing: a 400 in here is a bug of the client. */
  readonly unbilled: readonly UnbilledRequest[];
  /** What all calls cost at these prices, in nano-USD, each call rounded up. */
  readonly billedUsdNano: (prices: TokenPrices) => number;
  /** Closes the port and every connection at once, hanging ones too. Safe to call twice. */
  readonly stop: () => Promise<void>;
}

const PROTOCOLS: Readonly<Record<string, Protocol>> = {
  '/v1/chat/completions': openAiProtocol,
  '/v1/messages': anthropicProtocol,
};

/**
 * Starts a real HTTP server that speaks OpenAI Chat Completions and Anthropic Messages, not streaming, and answers what
 * a script says. It stands in for the one thing that costs money: it counts tokens and bills as a provider does.
 *
 * @throws Error (EADDRINUSE and the like) when the port cannot be opened
 */
export async function startModelEndpoint(options: ModelEndpointOptions): Promise<ModelEndpoint> {
  const state: EndpointState = {
    script: options.script,
    count: options.tokenizer ?? countTokens,
    requireKey: options.requireKey ?? false,
    promptCaching: options.promptCaching ?? false,
    calls: [],
    unbilled: [],
    attempts: new Map(),
    cachedPrefixes: new Set(),
    requestCount: 0,
  };
  const models = options.models ?? ['scripted'];
  const server = createServer((request, response) => void answer(state, models, request, response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  // A server that listens on TCP has an AddressInfo; the type also covers pipes.
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    openaiBaseUrl: `${url}/v1`,
    anthropicBaseUrl: `${url}/v1`,
    calls: state.calls,
    unbilled: state.unbilled,
    billedUsdNano: (prices) => billUsdNano(state.calls, prices),
    stop: () =>
      new Promise((resolve) => {
        // Its error only says that the server was stopped before.
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  state: EndpointState,
  models: readonly string[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = (request.url ?? '/').split('?')[0] ?? '/';
  const protocol = PROTOCOLS[path];
  if (protocol !== undefined && request.method === 'POST') return serveCall(state, protocol, request, response);
  if (path === '/v1/models' && request.method === 'GET') {
    const spoken = request.headers['anthropic-version'] === undefined ? openAiProtocol : anthropicProtocol;
    deliver(response, { status: 200, headers: {}, body: JSON.stringify(spoken.listModels(models)), sent: 'whole' });
    return;
  }
  const status = protocol === undefined && path !== '/v1/models' ? 404 : 405;
  const message = `Invalid URL (${request.method} ${path}): there are POST ${Object.keys(PROTOCOLS).join(', POST ')} and GET /v1/models`;
  const error = {
    message,
    type: 'invalid_request_error',
    param: null,
    code: status === 404 ? 'unknown_url' : 'method_not_supported',
  };
  deliver(response, { status, headers: {}, body: JSON.stringify({ error }), sent: 'whole' });
}
