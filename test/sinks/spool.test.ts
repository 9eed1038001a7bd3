import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { lineOf } from '../../src/core/chain.ts';
import type { ChainedRecord } from '../../src/core/record.ts';
import { createFanout } from '../../src/sinks/fanout.ts';
import { chainedSession, sampleNote } from '../suites/sink.ts';
import { startReceiver } from './http-receiver.ts';
import { spoolBench, troublesOf } from './spool-bench.ts';

const records = chainedSession('s1', 10);
const lines = records.map(lineOf);

const bench = spoolBench();

describe('a receiver that is down', () => {
  test('misses nothing, in order and once, when it is back; nobody waits for it meanwhile', async () => {
    await bench.receiver.close();
    const warnings: string[] = [];
    const fanout = createFanout([bench.open()], {
      logger: { warn: (_fields, message) => void warnings.push(message) },
    });
    const many = chainedSession('s2', 100);
    for (const record of many) {
      fanout.publish([record]);
      if (record.seq % 20 === 0)
        await vi.waitFor(() => expect(bench.spooled().length).toBeGreaterThan(0), { interval: 1 });
      await new Promise((resolve) => setImmediate(resolve));
    }
    await vi.waitFor(() => expect(warnings).toHaveLength(1), { interval: 5 });
    expect(warnings[0]).toMatch(
      /: 0 lines failed \(ECONNREFUSED; batches that wait in the spool: \d+\), 0 were dropped$/,
    );
    bench.receiver = await startReceiver(bench.receiver.url);
    await vi.waitFor(() => expect(bench.arrived()).toHaveLength(many.length), { interval: 5, timeout: 5000 });
    expect(bench.arrived()).toEqual(many.map(lineOf));
    await bench.delivered();
    await fanout.close(2000);
    expect(warnings.filter((message) => !message.includes(' 0 lines failed'))).toEqual([]);
  });

  test('with what comes while it is down joined into batches', async () => {
    bench.receiver.answer = (response) => response.writeHead(503).end();
    const sink = bench.open({ batch: { maxRecords: 8 } });
    await sink.write(records.slice(0, 1));
    await vi.waitFor(() => expect(bench.receiver.requests.length).toBeGreaterThan(1), { interval: 2 });
    for (const record of records.slice(1)) await sink.write([record]);
    expect(bench.spooled()).toHaveLength(1 + Math.ceil((records.length - 1) / 8));
    bench.receiver.requests.length = 0;
    bench.receiver.answer = (response) => response.writeHead(204).end();
    await bench.delivered();
    expect(bench.arrived()).toEqual(lines);
  });

  test('and a worker that is killed meanwhile: the next one delivers', async () => {
    await bench.receiver.close();
    const module = new URL('../../src/sinks/webhook.ts', import.meta.url).href;
    const program = `
      import { webhookSink } from '${module}';
      const { url, folder, records } = JSON.parse(process.argv[1]);
      const sink = webhookSink({ url, retry: { firstMs: 5, maxMs: 20 }, spool: { folder, maxBytes: 1e6 } });
      for (const record of records) await sink.write([record]);
      process.stdout.write('written');
      setInterval(() => {}, 1000);`;
    const args = JSON.stringify({ url: bench.receiver.url, folder: bench.folder, records: records.slice(0, 15) });
    const child = spawn(process.execPath, ['--input-type=module', '-e', program, args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'close');
    expect(bench.spooled().length).toBeGreaterThan(0);
    bench.receiver = await startReceiver(bench.receiver.url);
    await bench.open().write(records.slice(15));
    await bench.delivered();
    expect(bench.arrived()).toEqual(lines);
  });

  test('gets a batch that was tried before under the same key after a restart', async () => {
    bench.receiver.answer = (response) => response.writeHead(500).end();
    const first = bench.open();
    await first.write(records.slice(0, 4));
    await vi.waitFor(() => expect(bench.receiver.requests.length).toBeGreaterThan(0), { interval: 2 });
    await first.write(records.slice(4));
    await first.close();
    bench.receiver.answer = (response) => response.writeHead(204).end();
    const failed = bench.receiver.requests.splice(0);
    bench.open();
    await bench.delivered();
    expect(bench.receiver.requests[0]?.headers['idempotency-key']).toBe(failed[0]?.headers['idempotency-key']);
    expect(bench.arrived()).toEqual(lines);
  });
});

describe('a receiver that is down for long', () => {
  test('misses nothing after more attempts than an hour has, and the worker tells of it once a minute at most', async () => {
    const warnings: string[] = [];
    let answers = 0;
    // Half a minute between attempts, as by default, is 120 attempts in an hour.
    bench.receiver.answer = (response) => response.writeHead(answers++ < 150 ? 503 : 204).end();
    const fanout = createFanout([bench.open({ retry: { firstMs: 1, maxMs: 2 }, batch: { maxRecords: 5 } })], {
      logger: { warn: (_fields, message) => void warnings.push(message) },
    });
    for (const record of records) {
      fanout.publish([record]);
      if (record.seq % 7 === 0) fanout.publishCheckpoint(sampleNote(record.seq));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await vi.waitFor(() => expect(answers).toBeGreaterThan(100), { interval: 5, timeout: 10_000 });
    bench.receiver.requests.length = 0;
    await vi.waitFor(() => expect(answers).toBeGreaterThan(150), { interval: 5, timeout: 10_000 });
    await bench.delivered();
    const bodies = [...new Set(bench.receiver.requests.map(({ body }) => body))].map(
      (body) => JSON.parse(body) as unknown,
    );
    const records_ = bodies.filter(Array.isArray).flat() as ChainedRecord[];
    expect(records_.map(lineOf)).toEqual(lines);
    expect(bodies.filter((body) => !Array.isArray(body))).toEqual([0, 7, 14, 21].map((n) => ({ note: sampleNote(n) })));
    expect(warnings).toHaveLength(1);
    await fanout.close(2000);
  });
});

test('a checkpoint is a file and a request of its own, in its place among the records', async () => {
  bench.receiver.answer = (response) => response.writeHead(503).end();
  const sink = bench.open();
  await sink.write(records.slice(0, 1));
  // From here on this sink has the lock, and what comes would be joined.
  await vi.waitFor(() => expect(bench.receiver.requests.length).toBeGreaterThan(1), { interval: 2 });
  await sink.write(records.slice(1, 3));
  await sink.writeCheckpoint?.(sampleNote(0));
  await sink.write(records.slice(3, 4));
  await sink.write(records.slice(4));
  await sink.writeCheckpoint?.(sampleNote(1));
  await sink.writeCheckpoint?.(sampleNote(2));
  expect(bench.spooled()).toHaveLength(6);
  await sink.close();
  bench.receiver.requests.length = 0;
  bench.receiver.answer = (response) => response.writeHead(204).end();
  bench.open();
  await bench.delivered();
  const note = (n: number): unknown => ({ note: sampleNote(n) });
  expect(bench.receiver.requests.map(({ body }) => JSON.parse(body) as unknown)).toEqual([
    records.slice(0, 1),
    records.slice(1, 3),
    note(0),
    records.slice(3),
    note(1),
    note(2),
  ]);
});

test('a full spool refuses the newest, and keeps the oldest', async () => {
  await bench.receiver.close();
  const sink = bench.open({ batch: { maxRecords: 2 }, spool: { folder: bench.folder, maxBytes: 3 * 4096 } });
  await sink.write(records.slice(0, 4));
  await expect(sink.write(records.slice(4, 10))).rejects.toThrow(
    expect.objectContaining({
      records: 4,
      message: expect.stringMatching(/^the spool .* is full: 3 batches wait in it$/),
    }),
  );
  bench.receiver = await startReceiver(bench.receiver.url);
  await bench.delivered();
  expect(bench.arrived()).toEqual(lines.slice(0, 6));
  await sink.write(records.slice(10, 14));
  await bench.delivered();
  expect(bench.arrived().slice(6)).toEqual(lines.slice(10, 14));
});

test('counts what is there of before against its bound', async () => {
  await bench.receiver.close();
  const before = bench.open({ batch: { maxRecords: 1 } });
  await before.write(records.slice(0, 3));
  await before.close();
  const sink = bench.open({ spool: { folder: bench.folder, maxBytes: 3 * 4096 } });
  await expect(sink.write(records.slice(3))).rejects.toThrow('is full: 3 batches wait in it');
  bench.receiver = await startReceiver(bench.receiver.url);
  await bench.delivered();
});

test('of several processes with one spool one delivers at a time, and another goes on when it ends', async () => {
  bench.receiver.answer = (response) => response.writeHead(503).end();
  const first = bench.open({ headers: { 'x-who': 'first' } });
  await first.write(records.slice(0, 5));
  await vi.waitFor(() => expect(bench.receiver.requests.length).toBeGreaterThan(0), { interval: 2 });
  const second = bench.open({ headers: { 'x-who': 'second' } });
  await second.write(records.slice(5));
  expect(bench.spooled()).toHaveLength(2);
  const tried = bench.receiver.requests.length;
  await vi.waitFor(() => expect(bench.receiver.requests.length).toBeGreaterThan(tried + 3), { interval: 2 });
  expect(new Set(bench.receiver.requests.map(({ headers }) => headers['x-who']))).toEqual(new Set(['first']));
  await first.close();
  bench.receiver.requests.length = 0;
  bench.receiver.answer = (response) => response.writeHead(204).end();
  await bench.delivered();
  expect(bench.arrived()).toEqual(lines);
});

test('a line that a crash has cut off is left out, and files that are not of the spool are left alone', async () => {
  const name = '001795000000000-0123abcd.jsonl';
  writeFileSync(join(bench.folder, name), `${lines[0]}\n${lines[1]}\n`);
  appendFileSync(join(bench.folder, name), '{"agent_iden');
  writeFileSync(join(bench.folder, '001795000000001-0123abcd.jsonl'), '');
  writeFileSync(join(bench.folder, 'notes.txt'), 'mine');
  bench.open();
  await bench.delivered();
  expect(bench.arrived()).toEqual(lines.slice(0, 2));
  // The lock is a database, which has a journal while it is written.
  expect(readdirSync(bench.folder).filter((name) => !name.startsWith('lock'))).toEqual(['notes.txt']);
});

describe('closing', () => {
  test('delivers what waits, as long as the receiver takes it', async () => {
    const sink = bench.open({ batch: { maxRecords: 1 }, timeoutMs: 20_000 });
    await sink.write(records);
    await sink.close();
    expect(bench.arrived()).toEqual(lines);
    await expect(sink.write(records)).rejects.toThrow('closed');
  });

  test('does not wait until a receiver wants to be asked again', async () => {
    bench.receiver.answer = (response) => response.writeHead(429, { 'retry-after': '60' }).end();
    const sink = bench.open({ timeoutMs: 5000 });
    const troubles = troublesOf(sink);
    await sink.write(records);
    await vi.waitFor(() => expect(troubles).toHaveLength(1), { interval: 2 });
    const startedMs = performance.now();
    await sink.close();
    expect(performance.now() - startedMs).toBeLessThan(1000);
    // It was asked once more: there is no later.
    expect(bench.receiver.requests).toHaveLength(2);
    expect(bench.spooled()).toHaveLength(1);
  });

  test('waits no longer than one timeout for a receiver that is slow, and keeps what waits', async () => {
    bench.receiver.answer = (response) => void setTimeout(() => response.writeHead(204).end(), 100);
    const sink = bench.open({ timeoutMs: 250, batch: { maxRecords: 1 } });
    await sink.write(records);
    const startedMs = performance.now();
    await sink.close();
    expect(performance.now() - startedMs).toBeLessThan(1000);
    expect(bench.spooled().length).toBeGreaterThan(10);
    expect(bench.spooled().length).toBeLessThan(records.length);
  });

  test('waits no longer than one timeout for a receiver that hangs, and keeps what waits', async () => {
    bench.receiver.answer = null;
    const sink = bench.open({ timeoutMs: 200 });
    await sink.write(records);
    const startedMs = performance.now();
    await sink.close();
    expect(performance.now() - startedMs).toBeLessThan(1000);
    expect(bench.spooled()).toHaveLength(1);
  });
});
