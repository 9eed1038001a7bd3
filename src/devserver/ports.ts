import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { DevServerError } from './errors.ts';

/** The address that the dev server listens on: this machine only. */
export const loopback = '127.0.0.1';

/** One port: what it is for, and its number where the user wants a certain one. */
export type WantedPort = { readonly use: string; readonly port: number | undefined };

/**
 * Numbers for all wanted ports, different from each other and free at this moment. They are held together until all are known.
 * @throws DevServerError `port_taken` naming the port that somebody else listens on.
 */
export async function choosePorts(wanted: readonly WantedPort[]): Promise<number[]> {
  const held: Server[] = [];
  try {
    for (const one of wanted) held.push(await hold(one));
    return held.map(portOf);
  } finally {
    await Promise.all(held.map((server) => new Promise((done) => server.close(done))));
  }
}

/** The port that a TCP server listens on. */
export function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('the server does not listen on a TCP port');
  return address.port;
}

async function hold({ use, port }: WantedPort): Promise<Server> {
  const server = createServer();
  return new Promise((done, fail) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why = cause.code === 'EADDRINUSE' ? 'is in use by another process' : `can't be used (${cause.message})`;
      const message = `port ${String(port)} on ${loopback}, wanted for ${use}, ${why}: name another port, or none to get a free one`;
      fail(new DevServerError('port_taken', message, { cause }));
    });
    server.listen({ host: loopback, port: port ?? 0 }, () => {
      done(server);
    });
  });
}
