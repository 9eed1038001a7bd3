import { once } from 'node:events';
import { constants, createServer, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { Client, Connection } from '@temporalio/client';
import { type TestContext, test } from 'vitest';
import { viewOf } from '../../src/client/view.ts';

/** A server that answers nothing and resets each call so long before its deadline, as one may whose clock is ahead. */
async function clientOfServer(resetsBeforeMs: number, { onTestFinished }: TestContext): Promise<Client> {
  const open = new Set<ServerHttp2Session>();
  const server = createServer();
  server.on('session', (session) => void open.add(session));
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    const timeoutMs = Number.parseInt(String(headers['grpc-timeout']), 10);
    setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), timeoutMs - resetsBeforeMs);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const connection = Connection.lazy({ address: `127.0.0.1:${(server.address() as AddressInfo).port}` });
  onTestFinished(async () => {
    await connection.close();
    for (const session of open) session.destroy();
    server.close();
  });
  return new Client({ connection });
}

test.concurrent('a server that ends a query at its deadline, a moment before we do, says that no worker answered', async (context) => {
  const client = await clientOfServer(40, context);
  await context
    .expect(viewOf(client, client.workflow.getHandle('s')))
    .rejects.toMatchObject({ code: 'SESSION_SILENT' });
});

test.concurrent('a server that ends a query for another reason says nothing of workers', async (context) => {
  const client = await clientOfServer(3_000, context);
  const thrown: unknown = await viewOf(client, client.workflow.getHandle('s')).catch((error: unknown) => error);
  context.expect(thrown).toMatchObject({ cause: { code: 1, details: 'Call cancelled' } });
});
