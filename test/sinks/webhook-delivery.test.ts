import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { retryAfterMs, waitMs } from '../../src/sinks/backoff.ts';
import { webhookSink } from '../../src/sinks/webhook.ts';
import { chainedSession, sampleNote } from '../suites/sink.ts';
import { type Received, type Receiver, startReceiver } from './http-receiver.ts';

const records = chainedSession('s1', 10);
const FAST = { firstMs: 5, maxMs: 20 };

let receiver: Receiver;
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(async () => receiver.close());

/** Answers with these, one after the other, and then with 204. */
function answerWith(...answers: readonly (readonly [number, Record<string, string>?])[]): void {
  const left = [...answers];
  receiver.answer = (response) => {
    const [status, headers] = left.shift() ?? [204];
    response.writeHead(status, headers).end();
  };
}

function keys(): readonly unknown[] {
  return receiver.requests.map(({ headers }) => headers['idempotency-key']);
}

describe('signature', () => {
  /** What docs/sinks.md tells the writer of a receiver to do. */
  function isGenuine({ headers, body }: Received, secret: string, nowSeconds: number): boolean {
    const parts = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['aegrail-signature']));
    if (parts === null || Math.abs(nowSeconds - Number(parts[1])) > 300) return false;
    const wanted = createHmac('sha256', secret).update(`${parts[1]}.${body}`).digest();
    return timingSafeEqual(wanted, Buffer.from(String(parts[2]), 'hex'));
  }

  test('a receiver with the key knows what is genuine, whole, and of now', async () => {
    const nowSeconds = Date.now() / 1000;
    await webhookSink({ url: receiver.url, secret: 'k3y' }).write(records);
    const [request] = receiver.requests as [Received];
    expect(isGenuine(request, 'k3y', nowSeconds)).toBe(true);
    expect(isGenuine(request, 'other', nowSeconds)).toBe(false);
    expect(isGenuine({ ...request, body: `${request.body} ` }, 'k3y', nowSeconds)).toBe(false);
    expect(isGenuine(request, 'k3y', nowSeconds + 1000)).toBe(false);
    const later = {
      ...request.headers,
      'aegrail-signature': String(request.headers['aegrail-signature']).replace(/\d/, '9'),
    };
    expect(isGenuine({ ...request, headers: later }, 'k3y', nowSeconds)).toBe(false);
  });

  test('is made anew for each attempt, and not without a key', async () => {
    answerWith([429, { 'retry-after': '1' }]);
    await webhookSink({ url: receiver.url, secret: 'k3y', retry: FAST }).write(records.slice(0, 1));
    const [first, second] = receiver.requests.map(({ headers }) => headers['aegrail-signature']);
    expect(first).not.toBe(second);
    expect(receiver.requests.every((request) => isGenuine(request, 'k3y', Date.now() / 1000))).toBe(true);
    await webhookSink({ url: receiver.url }).write(records.slice(0, 1));
    expect(receiver.requests.at(-1)?.headers).not.toHaveProperty('aegrail-signature');
  });
});

describe('a checkpoint', () => {
  test('is a request of its own, an object, signed and keyed like a batch', async () => {
    const sink = webhookSink({ url: receiver.url, secret: 'k3y', headers: { authorization: 'Bearer t' } });
    await sink.write(records.slice(0, 2));
    await sink.writeCheckpoint?.(sampleNote(0));
    const [, request] = receiver.requests as [Received, Received];
    expect(JSON.parse(request.body)).toEqual({ note: sampleNote(0) });
    expect(request.headers).toMatchObject({ 'content-type': 'application/json', authorization: 'Bearer t' });
    const [, time, mac] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(request.headers['aegrail-signature'])) ?? [];
    expect(mac).toBe(createHmac('sha256', 'k3y').update(`${time}.${request.body}`).digest('hex'));
    expect(request.headers['idempotency-key']).toBe(createHash('sha256').update(request.body).digest('hex'));
  });

  test('is tried again, and counted when it is lost', async () => {
    answerWith([503], [503], [400]);
    const sink = webhookSink({ url: receiver.url, retry: FAST });
    const lost = sink.writeCheckpoint?.(sampleNote(0));
    await expect(lost).rejects.toThrow(expect.objectContaining({ records: 1, message: 'answered 400' }));
    expect(receiver.requests).toHaveLength(3);
    await sink.writeCheckpoint?.(sampleNote(1));
  });
});

describe('batches', () => {
  test('hold so many records at most', async () => {
    await webhookSink({ url: receiver.url, batch: { maxRecords: 8 } }).write(records);
    expect(receiver.requests.map(({ body }) => (JSON.parse(body) as unknown[]).length)).toEqual([
      8,
      8,
      records.length - 16,
    ]);
    expect(receiver.requests.flatMap(({ body }) => JSON.parse(body) as unknown[])).toEqual(records);
  });

  test('and so many bytes; a record that is larger goes alone', async () => {
    await webhookSink({ url: receiver.url, batch: { maxBytes: 3000 } }).write(records);
    expect(receiver.requests.length).toBeGreaterThan(3);
    for (const { body } of receiver.requests) expect(body.length).toBeLessThanOrEqual(3000);
    expect(receiver.requests.flatMap(({ body }) => JSON.parse(body) as unknown[])).toEqual(records);
    receiver.requests.length = 0;
    await webhookSink({ url: receiver.url, batch: { maxBytes: 10 } }).write(records.slice(0, 3));
    expect(receiver.requests).toHaveLength(3);
  });

  test('one that is refused takes none of the others with it, and the loss is counted', async () => {
    answerWith([204], [400]);
    const write = webhookSink({ url: receiver.url, batch: { maxRecords: 8 } }).write(records);
    await expect(write).rejects.toThrow(
      expect.objectContaining({ name: 'LostRecords', records: 8, message: 'answered 400' }),
    );
    expect(receiver.requests).toHaveLength(3);
  });
});

describe('attempts', () => {
  test.each([408, 425, 429, 500, 502, 503])('%i is tried again, under the same key', async (status) => {
    answerWith([status], [status]);
    await webhookSink({ url: receiver.url, retry: FAST }).write(records);
    expect(keys()).toHaveLength(3);
    expect(new Set(keys()).size).toBe(1);
    expect(keys()[0]).toMatch(/^[0-9a-f]{64}$/);
  });

  test('other batches have other keys', async () => {
    await webhookSink({ url: receiver.url, batch: { maxRecords: 1 } }).write(records);
    expect(new Set(keys()).size).toBe(records.length);
  });

  test('end after so many', async () => {
    receiver.answer = (response) => response.writeHead(503).end();
    const write = webhookSink({ url: receiver.url, retry: { maxAttempts: 3, ...FAST } }).write(records);
    await expect(write).rejects.toThrow('answered 503, tried 3 times');
    expect(receiver.requests).toHaveLength(3);
  });

  test('wait three seconds for an answer, where nothing else is said', async () => {
    receiver.answer = null;
    const startedMs = performance.now();
    const write = webhookSink({ url: receiver.url, retry: { maxAttempts: 1 } }).write(records);
    await expect(write).rejects.toThrow('no answer within 3000 ms');
    expect(performance.now() - startedMs).toBeGreaterThan(2900);
  });

  test('go on over a receiver that hangs, and one that is away', async () => {
    receiver.answer = null;
    const sink = webhookSink({ url: receiver.url, timeoutMs: 100, retry: { maxAttempts: 1000, ...FAST } });
    const write = sink.write(records);
    await vi.waitFor(() => expect(receiver.requests.length).toBeGreaterThan(1), { interval: 5 });
    await receiver.close();
    receiver = await startReceiver(receiver.url);
    await write;
    expect(receiver.requests.map(({ body }) => JSON.parse(body) as unknown)).toEqual([records]);
  });

  test('wait for as long as the receiver says', async () => {
    answerWith([429, { 'retry-after': '1' }]);
    const startedMs = performance.now();
    await webhookSink({ url: receiver.url, retry: FAST }).write(records);
    expect(performance.now() - startedMs).toBeGreaterThan(990);
  });

  test('end at once when the sink is closed', async () => {
    answerWith([429, { 'retry-after': '60' }]);
    const sink = webhookSink({ url: receiver.url });
    const write = sink.write(records);
    write.catch(() => undefined);
    await vi.waitFor(() => expect(receiver.requests).toHaveLength(1), { interval: 2 });
    await sink.close();
    await expect(write).rejects.toThrow();
  });
});

describe('backoff', () => {
  test.each([
    [1, 0, 50],
    [1, 1, 100],
    [3, 1, 400],
    [9, 0, 500],
    [9, 1, 1000],
    [5000, 1, 1000],
  ])('after %i failures, with chance at %d: %d ms', (failures, random, ms) => {
    expect(waitMs(failures, { firstMs: 100, maxMs: 1000 }, null, random)).toBe(ms);
  });

  test('a receiver can make it longer, not shorter, and not for ever', () => {
    const backoff = { firstMs: 100, maxMs: 1000 };
    expect(waitMs(1, backoff, 5000, 1)).toBe(5000);
    expect(waitMs(1, backoff, 0, 1)).toBe(100);
    expect(waitMs(1, backoff, 1e9, 1)).toBe(300_000);
  });

  test.each<[string | null, number | null]>([
    [null, null],
    ['7', 7000],
    ['Thu, 01 Jan 1970 00:01:40 GMT', 40_000],
    ['Thu, 01 Jan 1970 00:00:10 GMT', 0],
    ['soon', null],
    ['', null],
  ])('retry-after %j is %j ms', (header, ms) => {
    expect(retryAfterMs(header, 60_000)).toBe(ms);
  });
});
