import { connect } from 'node:net';
import { AegrailError } from '../core/errors.ts';

/** Longest that is waited for a server's first answer. */
export const CONNECT_WITHIN_MS = 5_000;

/** The error for a server that does not answer. `cause` is what was thrown instead of an answer. */
export function unreachable(address: string, cause: unknown): AegrailError {
  const what = `No Temporal server answers at ${address} (${reasonOf(cause)}).`;
  return new AegrailError(
    'SERVER_UNREACHABLE',
    `${what} Start one with \`aegrail up\`, or name another with --address or TEMPORAL_ADDRESS.`,
    { cause },
  );
}

/**
 * Refuses at once where nobody listens on this machine: gRPC would try again for all of {@link CONNECT_WITHIN_MS}. Other
 * machines are left to gRPC, which may know a proxy.
 *
 * @throws AegrailError SERVER_UNREACHABLE
 */
export async function refuseClosedPort(address: string): Promise<void> {
  const [, host = '', port = '7233'] = /^(127\.0\.0\.1|localhost|\[::1\])(?::(\d+))?$/.exec(address) ?? [];
  if (host === '') return;
  const socket = connect({ host: host.replace(/[[\]]/g, ''), port: Number(port), timeout: CONNECT_WITHIN_MS });
  try {
    await new Promise<void>((done, fail) => {
      socket.once('connect', done);
      socket.once('timeout', done);
      socket.once('error', fail);
    });
  } catch (thrown) {
    throw unreachable(address, thrown);
  } finally {
    socket.destroy();
  }
}

/** The innermost cause, which is the one that says something: refused, unknown host, no permission. */
function reasonOf(thrown: unknown): string {
  let inner = thrown;
  while (inner instanceof Error && inner.cause !== undefined) inner = inner.cause;
  const { code, message, details } = inner as { code?: unknown; message?: string; details?: string };
  if (code === 'ECONNREFUSED') return 'connection refused';
  const text = details || message || (typeof code === 'string' ? code : String(inner));
  return (text.split('\n', 1)[0] ?? '').replace(
    /^Failed to connect before the deadline$/,
    `no answer within ${CONNECT_WITHIN_MS / 1000} s`,
  );
}
