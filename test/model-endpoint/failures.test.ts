import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { byAttempt, loop, startModelEndpoint, type Step } from '../../src/model-endpoint/index.ts';
import { apiErrorOf, clientOf, endpointFor, HELLO, PEERS } from './peers.ts';

describe.each(PEERS)('%s', (peer) => {
  it('sees 429 with retry-after, pays nothing, and gets its answer at the second attempt', async () => {
    const endpoint = await endpointFor(byAttempt([{ fail: { status: 429, retryAfterSeconds: 7 } }, { say: 'now' }]));
    const client = clientOf(peer, endpoint);
    const error = await apiErrorOf(client.doGenerate({ prompt: HELLO }));
    expect(error).toMatchObject({
      statusCode: 429,
      isRetryable: true,
      message: 'The scripted endpoint was told to answer 429.',
    });
    expect(error.responseHeaders?.['retry-after']).toBe('7');
    // The client parsed the body by the provider's schema.
    expect(error.data).toMatchObject({ error: { type: peer === 'anthropic' ? 'rate_limit_error' : 'requests' } });
    expect(endpoint.calls).toEqual([]);
    expect(endpoint.unbilled).toMatchObject([{ requestNumber: 1, status: 429 }]);
    expect((await client.doGenerate({ prompt: HELLO })).content).toEqual([{ type: 'text', text: 'now' }]);
    expect(endpoint.calls).toHaveLength(1);
  });

  it.each([400, 401, 403, 404, 500, 503, 529])('sees status %i', async (status) => {
    const endpoint = await endpointFor(loop({ fail: { status } }));
    const error = await apiErrorOf(clientOf(peer, endpoint).doGenerate({ prompt: HELLO }));
    expect(error).toMatchObject({ statusCode: status, isRetryable: status >= 500 });
    expect(error.data).toBeDefined();
  });

  it('sees a body that is cut, and pays for all of it', async () => {
    const endpoint = await endpointFor(loop({ truncate: true, of: { say: 'one two three' } }));
    const error = await apiErrorOf(clientOf(peer, endpoint).doGenerate({ prompt: HELLO }));
    expect(error).toMatchObject({ statusCode: 200, message: 'Failed to process successful response' });
    expect(error.cause).toMatchObject({ message: 'terminated' });
    expect(endpoint.calls).toMatchObject([{ status: 200, aborted: true, outputTokens: 3 }]);
  });

  it('can abort a hanging call, and pays for what was produced', async () => {
    const endpoint = await endpointFor(loop({ hang: true, of: { say: 'one two three' } }));
    const abort = new AbortController();
    const call = clientOf(peer, endpoint).doGenerate({ prompt: HELLO, abortSignal: abort.signal });
    const refused = expect(call).rejects.toMatchObject({ name: 'AbortError' });
    await vi.waitFor(() => expect(endpoint.calls).toHaveLength(1));
    abort.abort();
    await refused;
    expect(endpoint.calls).toMatchObject([{ status: null, aborted: true, outputTokens: 3 }]);
    expect(endpoint.calls[0]?.inputTokens).toBeGreaterThan(10);
  });

  it('pays for an answer that it does not wait for', async () => {
    const endpoint = await endpointFor(loop({ delayMs: 60_000, next: { say: 'too late' } }));
    const abort = new AbortController();
    const call = clientOf(peer, endpoint).doGenerate({ prompt: HELLO, abortSignal: abort.signal });
    const refused = expect(call).rejects.toMatchObject({ name: 'AbortError' });
    await vi.waitFor(() => expect(endpoint.calls).toMatchObject([{ status: 200, aborted: false, outputTokens: 2 }]));
    abort.abort();
    await refused;
    await vi.waitFor(() => expect(endpoint.calls).toMatchObject([{ status: null, aborted: true, outputTokens: 2 }]));
  });

  it('sees a body that is no JSON, and pays for it', async () => {
    const endpoint = await endpointFor(loop({ raw: { status: 200, body: '{"id": "x", ' } }));
    const error = await apiErrorOf(clientOf(peer, endpoint).doGenerate({ prompt: HELLO }));
    expect(error).toMatchObject({ statusCode: 200, isRetryable: false, responseBody: '{"id": "x", ' });
    expect(endpoint.calls).toMatchObject([{ status: 200, aborted: false }]);
  });
});

it('waits as long as the script says', async () => {
  const endpoint = await endpointFor(loop({ delayMs: 30, next: { delayMs: 20, next: { say: 'late' } } }));
  const startMs = performance.now();
  await clientOf('openai', endpoint).doGenerate({ prompt: HELLO });
  // A timer may fire up to a millisecond early.
  expect(performance.now() - startMs).toBeGreaterThan(48);
});

it('sends headers only when a body is truncated to nothing, and never the whole when asked for too much', async () => {
  const endpoint = await endpointFor(({ requestNumber }) => ({ truncate: requestNumber === 1 ? 0 : 1e9 }));
  for (const _ of [1, 2]) {
    expect(await apiErrorOf(clientOf('openai', endpoint).doGenerate({ prompt: HELLO }))).toMatchObject({
      statusCode: 200,
    });
  }
  expect(endpoint.calls.map(({ aborted }) => aborted)).toEqual([true, true]);
});

it.each<[string, () => Step]>([
  [
    'throws',
    () => {
      throw new Error('out of lines');
    },
  ],
  ['fails with a status that is none', () => ({ fail: { status: 200 } })],
  ['asks for half a byte', () => ({ truncate: 0.5 })],
])('answers 400, not to be tried again, when the script %s', async (_, script) => {
  const endpoint = await endpointFor(script);
  const error = await apiErrorOf(clientOf('openai', endpoint).doGenerate({ prompt: HELLO }));
  expect(error).toMatchObject({ statusCode: 400, isRetryable: false });
  expect(error.message).toMatch(/^The script failed: (out of lines|fail.status is 200|truncate is 0.5)/);
  expect(endpoint.calls).toEqual([]);
});

it('stops at once, with calls hanging, and twice', async () => {
  const endpoint = await startModelEndpoint({ script: loop({ hang: true }) });
  const call = apiErrorOf(clientOf('openai', endpoint).doGenerate({ prompt: HELLO }));
  await vi.waitFor(() => expect(endpoint.calls).toHaveLength(1));
  const stopped = await Promise.race([endpoint.stop().then(() => 'stopped'), sleep(2_000, 'still running')]);
  expect(stopped).toBe('stopped');
  expect(await call).toMatchObject({ isRetryable: true, statusCode: undefined });
  await endpoint.stop();
});

it('says when its port is taken', async () => {
  const endpoint = await endpointFor(loop({ say: 'x' }));
  await expect(
    startModelEndpoint({ script: loop({ say: 'x' }), port: Number(new URL(endpoint.url).port) }),
  ).rejects.toThrow('EADDRINUSE');
});

it('keeps no process alive after it was stopped in the middle of a delay', () => {
  const entry = new URL('../../src/model-endpoint/index.ts', import.meta.url).href;
  const program = `
    const { startModelEndpoint, loop } = await import(${JSON.stringify(entry)});
    const endpoint = await startModelEndpoint({ script: loop({ delayMs: 60_000, next: { say: 'too late' } }) });
    const body = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }] });
    const call = fetch(endpoint.openaiBaseUrl + '/chat/completions', { method: 'POST', body }).catch(() => undefined);
    while (endpoint.calls.length === 0) await new Promise(setImmediate);
    await endpoint.stop();
    await call;`;
  const ended = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    timeout: 5_000,
    encoding: 'utf8',
  });
  expect(ended).toMatchObject({ status: 0, signal: null, stderr: '' });
});
