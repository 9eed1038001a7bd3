import { DevServerError } from '../devserver/errors.ts';
import type { DevServer } from '../devserver/server.ts';
import type { Terminal } from './terminal.ts';

/** The ports of Temporal's own dev server. */
export const DEFAULT_PORTS = { grpc: 7233, ui: 8233 } as const;

/** What the embedded server is started with. Port 0 means any free one. */
export interface EmbeddedOptions {
  readonly port: number;
  readonly uiPort: number;
  readonly db?: string | undefined;
}

/** Starts the embedded server, fetching its binary where it is not there. @throws DevServerError */
export async function startEmbedded(
  options: EmbeddedOptions,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<DevServer> {
  const [{ findBinary }, { startDevServer }] = await Promise.all([
    import('../devserver/binaries.ts'),
    import('../devserver/server.ts'),
  ]);
  const onProgress = (line: string): void => terminal.say(line);
  const { path } = await findBinary('temporal', { env: terminal.env, onProgress });
  try {
    return await startDevServer({
      binary: path,
      ...(options.port === 0 ? {} : { port: options.port }),
      ...(options.uiPort === 0 ? {} : { uiPort: options.uiPort }),
      ...(options.db === undefined ? {} : { dbFile: options.db }),
      signal,
      onProgress,
    });
  } catch (thrown) {
    throw thrown instanceof DevServerError && thrown.code === 'port_taken' ? portTaken(thrown, options) : thrown;
  }
}

/** Says it in the words of the command line. */
function portTaken(error: DevServerError, { port, uiPort }: EmbeddedOptions): DevServerError {
  const isUi = error.message.includes('Web UI');
  const [taken, option] = isUi ? [uiPort, '--ui-port'] : [port, '--port'];
  const other = isUi ? '' : `, or use the server that is there with --address 127.0.0.1:${taken}`;
  const message = `Port ${taken} is in use by another process. Name another with ${option} (0: any free one)${other}.`;
  return new DevServerError('port_taken', message, { cause: error });
}
