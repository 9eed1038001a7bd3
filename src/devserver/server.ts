import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DevServerError } from './errors.ts';
import { choosePorts, loopback } from './ports.ts';
import { startProcess } from './process.ts';
import type { ServerProcess } from './process.ts';
import { hasNamespace } from './ready.ts';

/** What a dev server is started with. Everything but the binary has a default. */
export type DevServerOptions = {
  /** Path of the Temporal CLI, see findBinary. */
  readonly binary: string;
  /** gRPC port; a free one when not given. */
  readonly port?: number;
  /** Web UI port; a free one when not given. */
  readonly uiPort?: number;
  /** SQLite file to keep workflows in; its directory is made. Without it they end with the server. */
  readonly dbFile?: string;
  /** A namespace to have beside `default`. */
  readonly namespace?: string;
  /** Search attributes to register: name to Temporal's type (Keyword, Int, Double, Bool, Datetime, Text, KeywordList). */
  readonly searchAttributes?: Readonly<Record<string, string>>;
  /** Temporal's dynamic configuration, added to ours and overruling it. */
  readonly dynamicConfig?: Readonly<Record<string, string | number | boolean>>;
  /** Stops the server when aborted, also while it starts. */
  readonly signal?: AbortSignal;
  /** Told what is being done, one line at a time. */
  readonly onProgress?: (line: string) => void;
};

/** A dev server that answers. */
export type DevServer = {
  /** host:port for Temporal clients. */
  readonly address: string;
  /** The Web UI. */
  readonly uiUrl: string;
  readonly pid: number;
  /** Stops it; may be called often. */
  readonly stop: () => Promise<void>;
  /** Its exit code (128 + signal), whoever ended it. Never rejects. */
  readonly exited: Promise<number>;
};

/** By default the history service polls its queues 20 times a second, which costs a sequential step 51 ms instead of 24. */
const fastQueues = { 'history.transferProcessorMaxPollRPS': 5000, 'history.timerProcessorMaxPollRPS': 5000 } as const;
const readyWithinMs = 30_000;
const pollMs = 20;
const portAttempts = 3;

/**
 * Starts `temporal server start-dev` on the loopback interface and waits until its frontend has the namespace.
 * It ends with this process, however that ends.
 * @throws DevServerError `port_taken`, `binary_unusable`, `exited_early` (with the server's last lines) or `not_ready`;
 * the signal's reason when it was aborted.
 */
export async function startDevServer(options: DevServerOptions): Promise<DevServer> {
  if (options.dbFile !== undefined) await mkdir(dirname(options.dbFile), { recursive: true });
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOnce(options);
    } catch (error) {
      // Between our look for a free port and the server's bind another process may have taken it.
      if (attempt === portAttempts || !lostPort(error)) throw error;
    }
  }
}

async function startOnce(options: DevServerOptions): Promise<DevServer> {
  options.signal?.throwIfAborted();
  const [port = 0, uiPort = 0] = await choosePorts([
    { use: "Temporal's gRPC", port: options.port },
    { use: 'the Web UI', port: options.uiPort },
  ]);
  const address = `${loopback}:${String(port)}`;
  options.onProgress?.(`starting a Temporal server on ${address}`);
  const startedAt = performance.now();
  const server = await startProcess(options.binary, serverArgs(options, port, uiPort));
  const onAbort = (): void => void server.stop();
  options.signal?.addEventListener('abort', onAbort, { once: true });
  void server.exited.then(() => options.signal?.removeEventListener('abort', onAbort));
  try {
    await untilReady(server, address, options);
  } catch (error) {
    await server.stop();
    throw error;
  }
  options.onProgress?.(`the Temporal server answers after ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
  const { pid, stop, exited } = server;
  return { address, uiUrl: `http://${loopback}:${String(uiPort)}`, pid, stop, exited };
}

function serverArgs(options: DevServerOptions, port: number, uiPort: number): string[] {
  const args = ['server', 'start-dev', '--ip', loopback, '--port', String(port), '--ui-port', String(uiPort)];
  args.push('--log-level', 'error');
  if (options.dbFile !== undefined) args.push('--db-filename', options.dbFile);
  if (options.namespace !== undefined) args.push('--namespace', options.namespace);
  for (const [name, type] of Object.entries(options.searchAttributes ?? {}))
    args.push('--search-attribute', `${name}=${type}`);
  const config = { ...fastQueues, ...options.dynamicConfig };
  for (const [key, value] of Object.entries(config))
    args.push('--dynamic-config-value', `${key}=${JSON.stringify(value)}`);
  return args;
}

async function untilReady(server: ServerProcess, address: string, options: DevServerOptions): Promise<void> {
  const giveUpAt = performance.now() + readyWithinMs;
  const namespace = options.namespace ?? 'default';
  for (;;) {
    const answers = await hasNamespace(address, namespace);
    options.signal?.throwIfAborted();
    if (server.exitCode() !== undefined) throw exitedEarly(options.binary, server);
    if (answers) return;
    if (performance.now() > giveUpAt) throw notReady(address, namespace, server);
    await Promise.race([delay(pollMs), server.exited]);
  }
}

function exitedEarly(binary: string, server: ServerProcess): DevServerError {
  const said = server.lastLines() || 'it said nothing';
  const message = `the Temporal server ended with code ${String(server.exitCode())} before it was ready (${binary}): ${said}`;
  return new DevServerError('exited_early', message);
}

function notReady(address: string, namespace: string, server: ServerProcess): DevServerError {
  const said = server.lastLines() || 'it said nothing';
  const message = `the Temporal server on ${address} did not show namespace ${namespace} within ${String(readyWithinMs / 1000)} s: ${said}`;
  return new DevServerError('not_ready', message);
}

function lostPort(error: unknown): boolean {
  return (
    error instanceof DevServerError && error.code === 'exited_early' && error.message.includes('address already in use')
  );
}
