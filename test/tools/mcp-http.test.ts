import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { type HttpKind, startHttpFixture } from '../fixtures/mcp/http.ts';
import { failureOf, textOf } from './outcome.ts';
import { testPool } from './pool-kit.ts';

const PLAIN = { changed: false, badSchema: false };
/** What a pool logs when the stream that a server tells of changes on is gone. */
const HUNG_UP = 'SSE stream disconnected';

async function started(kind: HttpKind, options = PLAIN, port = 0) {
  const server = await startHttpFixture(kind, options, port);
  onTestFinished(() => server.stop());
  return server;
}

test.each<HttpKind>(['sessions', 'modern'])('over HTTP (%s): describe, call, headers', async (kind) => {
  const server = await started(kind);
  const shop = { url: server.url, headers: { Authorization: 'Bearer ${SHOP_TOKEN}' } };
  const pool = testPool({ shop }, { env: { SHOP_TOKEN: 'tok-9' } });
  expect(Object.keys(await pool.describe('shop'))).toContain('change');
  expect(textOf(await pool.run('echo', { text: 'hällo' }))).toBe('hällo');
  expect(server.requests.every((headers) => headers.get('authorization') === 'Bearer tok-9')).toBe(true);
  expect(pool.logged.join('')).not.toContain('tok-9');
});

test.each<HttpKind>(['sessions', 'modern'])(
  'a server over HTTP (%s) that starts anew on its port is found again',
  async (kind) => {
    const server = await started(kind);
    const pool = testPool({ shop: { url: server.url } });
    expect(textOf(await pool.run('echo', { text: 'one' }))).toBe('one');
    await server.stop();
    await pool.untilLogged(HUNG_UP);
    expect(failureOf(await pool.run('echo', { text: 'two' }))).toMatchObject({
      code: 'connect_failed',
      started: 'no',
      retryable: true,
    });
    expect(failureOf(await pool.run('echo', { text: 'still two' }))).toMatchObject({ code: 'connect_failed' });
    await started(kind, PLAIN, server.port);
    expect(textOf(await pool.run('echo', { text: 'three' }))).toBe('three');
  },
);

test('a session that a new server does not know is begun again within the call', async () => {
  const server = await started('sessions');
  const pool = testPool({ shop: { url: server.url } });
  await pool.run('echo', { text: 'one' });
  await server.stop();
  await pool.untilLogged(HUNG_UP);
  const again = await started('sessions', PLAIN, server.port);
  expect(textOf(await pool.run('echo', { text: 'two' }))).toBe('two');
  expect(again.requests.filter((headers) => headers.get('mcp-session-id') === null)).not.toHaveLength(0);
});

test.each<HttpKind>(['sessions', 'modern'])(
  'a server over HTTP (%s) that breaks off in mid-call loses that call at once',
  async (kind) => {
    const server = await started(kind);
    const pool = testPool({ shop: { url: server.url } });
    await pool.run('echo', { text: 'one' });
    const slow = pool.run('slow');
    await expect.poll(() => server.said, { interval: 10 }).toContain('slow: started');
    await server.stop();
    expect(failureOf(await slow)).toMatchObject({ code: 'connection_lost', started: 'maybe' });
  },
);

test.each<HttpKind>(['sessions', 'modern'])(
  'a tool that a new server over HTTP (%s) changed does not run',
  async (kind) => {
    const server = await started(kind);
    const pool = testPool({ shop: { url: server.url } });
    const expectedSchema = (await pool.describe('shop'))['echo']!.inputSchema;
    expect(textOf(await pool.run('echo', { text: 'same' }, { expectedSchema }))).toBe('same');
    await server.stop();
    await pool.untilLogged(HUNG_UP);
    await started(kind, { changed: true, badSchema: false }, server.port);
    const drifted = () => pool.run('echo', { text: 'x' }, { expectedSchema });
    expect(failureOf(await drifted())).toMatchObject({ code: 'contract_drift', started: 'no' });
  },
);

test('a timeout, an abort and 5 MB over HTTP', async () => {
  const server = await started('modern');
  const pool = testPool({ shop: { url: server.url } });
  expect(failureOf(await pool.run('slow', {}, { timeoutMs: 300 }))).toMatchObject({
    code: 'timeout',
    started: 'maybe',
  });
  await expect.poll(() => server.said, { interval: 10 }).toEqual(['slow: started', 'slow: cancelled']);
  const abort = AbortSignal.timeout(200);
  expect(failureOf(await pool.run('slow', {}, { signal: abort }))).toMatchObject({
    code: 'cancelled',
    started: 'maybe',
  });
  expect(textOf(await pool.run('big', {}, { maxBytes: 1_000 }))).toMatch(/of 5000000 bytes$/);
  expect(failureOf(await pool.run('huge'))).toMatchObject({ code: 'connection_lost' });
  expect(textOf(await pool.run('echo', { text: 'still here' }))).toBe('still here');
});

test.each([
  [401, { code: 'connect_failed', started: 'no', retryable: false }],
  [503, { code: 'connect_failed', started: 'no', retryable: true }],
])('an address that answers with %i can not be connected to', async (status, failure) => {
  const server = createServer((_request, response) => response.writeHead(status).end('no'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const pool = testPool({ shop: { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp` } });
  expect(failureOf(await pool.run('echo', { text: '' }))).toMatchObject(failure);
});
