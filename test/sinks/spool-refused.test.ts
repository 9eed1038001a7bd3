import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { lineOf } from '../../src/core/chain.ts';
import type { ChainedRecord } from '../../src/core/record.ts';
import type { HttpOptions } from '../../src/sinks/http-sink.ts';
import type { Sink } from '../../src/sinks/sink.ts';
import { webhookSink } from '../../src/sinks/webhook.ts';
import { chainedSession } from '../suites/sink.ts';
import { type Receiver, startReceiver } from './http-receiver.ts';

const records = chainedSession('s1', 10);
const lines = records.map(lineOf);

let folder: string;
let receiver: Receiver;
let sinks: Sink[];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'aegrail-spool-'));
  receiver = await startReceiver();
  sinks = [];
});
afterEach(async () => {
  await Promise.all(sinks.map((sink) => sink.close()));
  await receiver.close();
  rmSync(folder, { recursive: true });
});

function open(options: Partial<HttpOptions> = {}): Sink {
  const sink = webhookSink({
    url: receiver.url,
    timeoutMs: 1000,
    retry: { firstMs: 5, maxMs: 20 },
    spool: { folder, maxBytes: 1_000_000 },
    ...options,
  });
  sinks.push(sink);
  return sink;
}

function spooled(): readonly string[] {
  return readdirSync(folder).filter((name) => /^\d{15}-[0-9a-f]{8}\.jsonl$/.test(name));
}

function rejected(): readonly string[] {
  return readdirSync(folder).filter((name) => name.endsWith('.rejected.jsonl'));
}

function arrived(): readonly string[] {
  return receiver.requests.flatMap(({ body }) => (JSON.parse(body) as ChainedRecord[]).map(lineOf));
}

async function delivered(): Promise<void> {
  await vi.waitFor(() => expect(spooled()).toEqual([]), { interval: 5, timeout: 5000 });
}

function troublesOf(sink: Sink): [number, string][] {
  const troubles: [number, string][] = [];
  sink.listen?.((lost, error) => troubles.push([lost, (error as Error).message]));
  return troubles;
}

describe('what a receiver refuses', () => {
  test.each([400, 401, 404, 413, 422, 307])(
    'with %i is set aside and told, and does not stand in the way',
    async (status) => {
      let answers = 0;
      receiver.answer = (response) => response.writeHead(answers++ === 0 ? status : 204).end();
      const sink = open();
      const troubles = troublesOf(sink);
      await sink.write(records.slice(0, 3));
      await sink.write(records.slice(3));
      await delivered();
      const [name = ''] = rejected();
      expect(name).toMatch(/^\d{15}-[0-9a-f]{8}\.rejected\.jsonl$/);
      expect(troubles).toEqual([[3, `answered ${status}: set aside as ${name}`]]);
      expect(readFileSync(join(folder, name), 'utf8')).toBe(
        lines
          .slice(0, 3)
          .map((line) => `${line}\n`)
          .join(''),
      );
      expect(arrived()).toEqual(lines);
    },
  );

  test.each([408, 425, 429])('with %i is not: it is tried again', async (status) => {
    let answers = 0;
    receiver.answer = (response) => response.writeHead(answers++ === 0 ? status : 204).end();
    await open().write(records);
    await delivered();
    expect(rejected()).toEqual([]);
    expect(receiver.requests).toHaveLength(2);
  });

  test('is delivered when it is given its name back, by the command of docs/sinks.md', async () => {
    receiver.answer = (response) => response.writeHead(401).end();
    const first = open({ batch: { maxRecords: 4 } });
    await first.write(records);
    await vi.waitFor(() => expect(rejected()).toHaveLength(Math.ceil(records.length / 4)), { interval: 2 });
    await first.close();
    receiver.requests.length = 0;
    receiver.answer = (response) => response.writeHead(204).end();
    const command = 'for f in *.rejected.jsonl; do mv "$f" "${f%.rejected.jsonl}.jsonl"; done';
    expect(readFileSync(new URL('../../docs/sinks.md', import.meta.url), 'utf8')).toContain(command);
    execFileSync('sh', ['-c', command], { cwd: folder });
    open();
    await delivered();
    expect(arrived()).toEqual(lines);
    expect(rejected()).toEqual([]);
  });

  test('is kept up to the bound of the spool, beside what waits; what is beyond is lost, and told so', async () => {
    receiver.answer = (response) => response.writeHead(400).end();
    const size = Buffer.byteLength(`${lines[0]}\n`);
    const sink = open({ batch: { maxRecords: 1 }, spool: { folder, maxBytes: 2 * 4096 } });
    const troubles = troublesOf(sink);
    const count = Math.ceil((2 * 4096) / size) + 2;
    for (let n = 0; n < count; n++) {
      await sink.write(records.slice(0, 1));
      await vi.waitFor(() => expect(troubles).toHaveLength(n + 1), { interval: 2 });
    }
    await delivered();
    expect(rejected()).toHaveLength(Math.floor((2 * 4096) / size));
    expect(troubles.at(-1)).toEqual([1, 'answered 400: lost: there is no room for more that is rejected']);
  });
});
