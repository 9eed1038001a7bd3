import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { DEFAULT_RESOURCE, otlpLogs, otlpTraces } from '../../src/otel/otlp.ts';
import { createFanout } from '../../src/sinks/fanout.ts';
import { openSinks } from '../../src/sinks/open.ts';
import { otlpSink, type OtlpOptions } from '../../src/sinks/otlp.ts';
import type { Sink } from '../../src/sinks/sink.ts';
import { logsRequestSchema, tracesRequestSchema } from '../otel/otlp-form.ts';
import { chainedSession, sampleNote } from '../suites/sink.ts';
import { type Received, type Receiver, startReceiver } from './http-receiver.ts';

const records = chainedSession('s1', 3);
const FAST = { firstMs: 5, maxMs: 20 };

let receiver: Receiver;
let base: string;
beforeEach(async () => {
  receiver = await startReceiver();
  base = new URL(receiver.url).origin;
});
afterEach(async () => receiver.close());

function open(options: Partial<OtlpOptions> = {}): Sink {
  return otlpSink({ url: base, retry: FAST, ...options });
}

function requestsTo(path: string): readonly Received[] {
  return receiver.requests.filter((request) => request.path === path);
}

function logRecords(): readonly unknown[] {
  return requestsTo('/v1/logs').flatMap(
    ({ body }) => logsRequestSchema.parse(JSON.parse(body)).resourceLogs[0]?.scopeLogs[0]?.logRecords ?? [],
  );
}

function spans(): readonly unknown[] {
  return requestsTo('/v1/traces').flatMap(
    ({ body }) => tracesRequestSchema.parse(JSON.parse(body)).resourceSpans[0]?.scopeSpans[0]?.spans ?? [],
  );
}

test('posts what the export writes, logs and traces apart, with its headers', async () => {
  const resource = { 'service.name': 'shop', 'deployment.environment.name': 'test' };
  await open({ headers: { 'x-api-key': 'k' }, resource }).write(records);
  const whole = { ...DEFAULT_RESOURCE, ...resource };
  expect(receiver.requests.map(({ path }) => path).sort()).toEqual(['/v1/logs', '/v1/traces']);
  expect(JSON.parse(requestsTo('/v1/logs')[0]?.body ?? '')).toEqual(otlpLogs(records, whole));
  expect(JSON.parse(requestsTo('/v1/traces')[0]?.body ?? '')).toEqual(otlpTraces(records, whole));
  for (const { headers } of receiver.requests)
    expect(headers).toMatchObject({ 'content-type': 'application/json', 'x-api-key': 'k' });
});

test('keeps the path and the query of its base', async () => {
  await open({ url: `${base}/otlp/?tenant=a` }).write(records);
  expect(receiver.requests.map(({ path }) => path).sort()).toEqual([
    '/otlp/v1/logs?tenant=a',
    '/otlp/v1/traces?tenant=a',
  ]);
});

test('sends logs alone, or traces alone, and nothing for records without a span', async () => {
  await open({ traces: false }).write(records);
  await open({ logs: false }).write(records);
  await open({ logs: false }).write(records.slice(0, 2));
  expect(receiver.requests.map(({ path }) => path)).toEqual(['/v1/logs', '/v1/traces']);
});

test('a checkpoint is a log record, and no span', async () => {
  await open().writeCheckpoint?.(sampleNote(0));
  expect(receiver.requests.map(({ path }) => path)).toEqual(['/v1/logs']);
  expect(logRecords()).toEqual([
    expect.objectContaining({
      timeUnixNano: `${Date.parse('2026-09-21T14:00:00.000Z')}000000`,
      eventName: 'aegrail.checkpoint',
      attributes: expect.arrayContaining([{ key: 'aegrail.note', value: { stringValue: sampleNote(0) } }]) as unknown,
    }),
  ]);
});

describe('answers', () => {
  test.each([429, 502, 503, 504])('%i is tried again', async (status) => {
    let answers = 0;
    receiver.answer = (response) => response.writeHead(answers++ === 0 ? status : 200, { 'retry-after': '0' }).end();
    await open({ traces: false }).write(records);
    expect(new Set(receiver.requests.map(({ body }) => body)).size).toBe(1);
    expect(receiver.requests).toHaveLength(2);
  });

  test.each([400, 401, 404, 408, 500])('%i is final', async (status) => {
    receiver.answer = (response) => response.writeHead(status).end();
    await expect(open({ traces: false }).write(records)).rejects.toThrow(`answered ${status}`);
    expect(receiver.requests).toHaveLength(1);
  });

  test.each<[string, string, number, string | null]>([
    ['rejected log records', '{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"too old"}}', 2, 'too old'],
    ['a count as a number, without words', '{"partialSuccess":{"rejectedLogRecords":1}}', 1, 'no reason'],
    ['only words', '{"partialSuccess":{"errorMessage":"mind the limit"}}', 0, 'mind the limit'],
    ['nothing', '{}', 0, null],
    ['an empty partial success', '{"partialSuccess":{"rejectedLogRecords":"0"}}', 0, null],
    ['null', '{"partialSuccess":null}', 0, null],
    ['no JSON', '\u{0}\u{1}', 0, null],
    ['spans, of logs', '{"partialSuccess":{"rejectedSpans":"2"}}', 0, null],
  ])('2xx with %s', async (_what, answer, lost, why) => {
    receiver.answer = (response) => response.writeHead(200, { 'content-type': 'application/json' }).end(answer);
    const warnings: Readonly<Record<string, unknown>>[] = [];
    const fanout = createFanout([open({ traces: false })], {
      logger: { warn: (fields) => void warnings.push(fields) },
    });
    fanout.publish(records);
    await fanout.close(2000);
    expect(receiver.requests).toHaveLength(1);
    const error = expect.stringContaining(why ?? '') as string;
    expect(warnings).toEqual(why === null ? [] : [expect.objectContaining({ failed: lost, error })]);
  });

  test('spans that are rejected are told of too', async () => {
    receiver.answer = (response) => response.writeHead(200).end('{"partialSuccess":{"rejectedSpans":"1"}}');
    await expect(open({ logs: false }).write(records)).rejects.toThrow('rejected by the receiver');
  });

  test('2xx whose words never end is an answer, and is waited for no longer than the timeout', async () => {
    receiver.answer = (response) => void response.writeHead(200).write('{"partialSuccess"');
    const startedMs = performance.now();
    await open({ traces: false, timeoutMs: 200 }).write(records);
    expect(performance.now() - startedMs).toBeLessThan(2000);
    expect(receiver.requests).toHaveLength(1);
  });
});

test('an endpoint for traces that hangs does not delay the logs', async () => {
  receiver.answer = (response, path) => void (path === '/v1/logs' && response.writeHead(200).end());
  const fanout = createFanout([open({ timeoutMs: 60_000 })], { logger: { warn: () => undefined } });
  for (const record of records) {
    fanout.publish([record]);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await vi.waitFor(() => expect(logRecords()).toHaveLength(records.length), { interval: 2 });
  await fanout.close(100);
});

describe('from a contract file', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'aegrail-otlp-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const otlp = (): object => ({
    url: base,
    headers: { authorization: 'Bearer ${TOKEN}' },
    resource: { 'service.instance.id': '${HOST}' },
    timeoutSeconds: 1,
    maxRecords: 3,
    spool: 'spool',
    backoffSeconds: 0.01,
    maxBackoffSeconds: 0.02,
  });

  test('with a spool for each signal, a collector that was down misses nothing', async () => {
    await receiver.close();
    const [before] = openSinks([{ otlp: otlp() as { url: string } }], folder, { TOKEN: 't0ken', HOST: 'h1' });
    await before?.write(records);
    await before?.writeCheckpoint?.(sampleNote(0));
    await before?.close();
    receiver = await startReceiver(receiver.url);
    const [after] = openSinks([{ otlp: otlp() as { url: string } }], folder, { TOKEN: 't0ken', HOST: 'h1' });
    await vi.waitFor(() => expect([logRecords().length, spans().length]).toEqual([records.length + 1, 4]), {
      interval: 5,
      timeout: 5000,
    });
    await after?.close();
    expect(spans()).toEqual(otlpTraces(records).resourceSpans[0].scopeSpans[0].spans);
    expect(logRecords().slice(0, -1)).toEqual(otlpLogs(records).resourceLogs[0].scopeLogs[0].logRecords);
    expect(receiver.requests.every(({ headers }) => headers.authorization === 'Bearer t0ken')).toBe(true);
    expect(receiver.requests.every(({ body }) => body.includes('"h1"'))).toBe(true);
    expect(readdirSync(join(folder, 'spool')).sort()).toEqual(['logs', 'traces']);
    expect(readdirSync(join(folder, 'spool/logs'))).toEqual(['lock']);
  });

  test('a header that names a variable which is not there ends it at the start', () => {
    expect(() => openSinks([{ otlp: otlp() as { url: string } }], folder, { HOST: 'h' })).toThrow(
      'sinks.0.otlp.headers.authorization: the environment has no variable TOKEN',
    );
  });
});

test('shows neither path nor secrets, and refuses what can not be sent', () => {
  expect(open({ url: `${base}/secret`, headers: { authorization: 'secret' } }).name).toBe(
    `composite of otlp logs ${base}, otlp traces ${base}`,
  );
  for (const wrong of [
    { url: 'ftp://example.com/secret' },
    { url: 'secret' },
    { url: 'https://u:secret@example.com' },
  ]) {
    expect(() => open(wrong)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.not.stringContaining('secret') }),
    );
  }
});
