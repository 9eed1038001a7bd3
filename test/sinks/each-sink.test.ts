import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { lineOf } from '../../src/core/chain.ts';
import type { ChainedRecord } from '../../src/core/record.ts';
import { callbackSink } from '../../src/sinks/callback.ts';
import { compositeSink } from '../../src/sinks/composite.ts';
import { fileSink } from '../../src/sinks/file.ts';
import { memorySink } from '../../src/sinks/memory.ts';
import type { Sink } from '../../src/sinks/sink.ts';
import type { HttpOptions } from '../../src/sinks/http-sink.ts';
import { webhookSink } from '../../src/sinks/webhook.ts';
import { chainedSession } from '../suites/sink.ts';
import { type Receiver, startReceiver } from './http-receiver.ts';

const records = chainedSession('s1', 2);

describe('file', () => {
  test('goes on with a file that is there, and reopens after close', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'aegrail-sink-'));
    const path = join(folder, 'audit.jsonl');
    const first = fileSink(path);
    await first.write(records.slice(0, 2));
    await first.close();
    await first.write(records.slice(2, 3));
    await first.close();
    const second = fileSink(path);
    await second.write(records.slice(3));
    await second.close();
    expect(readFileSync(path, 'utf8')).toBe(records.map((record) => `${lineOf(record)}\n`).join(''));
    rmSync(folder, { recursive: true });
  });
});

describe('stdout', () => {
  test('a reader that went away fails the write, and does not end the process', async () => {
    const sink = new URL('../../src/sinks/stdout.ts', import.meta.url).href;
    const program = `
      import { stdoutSink } from '${sink}';
      const sink = stdoutSink();
      process.stdin.once('data', async () => {
        let failures = 0;
        for (let n = 0; n < 3; n++) await sink.write([{ n }]).catch(() => failures++);
        process.stderr.write('failures ' + failures);
        process.exit(failures > 0 ? 7 : 0);
      });`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['pipe', 'pipe', 'pipe'] });
    child.stdout.destroy();
    await once(child.stdout, 'close');
    let stderr = '';
    child.stderr.on('data', (chunk) => (stderr += String(chunk)));
    child.stdin.write('go\n');
    const [code] = (await once(child, 'close')) as [number];
    expect({ code, stderr }).toMatchObject({ code: 7, stderr: expect.stringContaining('failures') });
  });
});

describe('callback', () => {
  test('one record that fails takes none from the function', async () => {
    const seen: number[] = [];
    const sink = callbackSink(function onRecord(record) {
      seen.push(record.seq);
      if (record.seq === 1) throw new Error('not this one');
    });
    expect(sink.name).toBe('callback onRecord');
    await expect(sink.write(records)).rejects.toThrow(`failed for 1 of ${records.length} records: not this one`);
    expect(seen).toEqual(records.map(({ seq }) => seq));
  });
});

describe('composite', () => {
  test('isolates its children, and names those that failed', async () => {
    const kept = memorySink();
    const throwsAtOnce: Sink = {
      name: 'rude',
      write: () => {
        throw new Error('at once');
      },
      close: () => Promise.reject(new Error('will not close')),
    };
    const sink = compositeSink([throwsAtOnce, kept]);
    await expect(sink.write(records)).rejects.toThrow('rude failed: at once');
    expect(kept.records).toEqual(records);
    await expect(sink.close()).rejects.toThrow('rude failed: will not close');
  });
});

describe('webhook', () => {
  let receiver: Receiver;

  beforeEach(async () => {
    receiver = await startReceiver();
  });
  afterEach(async () => receiver.close());

  test('posts one array a batch, of lines as they stand, with its headers', async () => {
    const sink = webhookSink({ url: receiver.url, headers: { Authorization: 'Bearer t0ken' } });
    await sink.write(records.slice(0, 2));
    await sink.write(records.slice(2));
    expect(receiver.requests.map(({ body }) => body)).toEqual([
      `[${records.slice(0, 2).map(lineOf).join(',')}]`,
      `[${records.slice(2).map(lineOf).join(',')}]`,
    ]);
    expect(receiver.requests[0]?.headers).toMatchObject({
      'content-type': 'application/json',
      authorization: 'Bearer t0ken',
    });
  });

  test.each([300, 307, 400, 401, 404, 413])('takes %i for final, and does not try again', async (status) => {
    receiver.answer = (response) => response.writeHead(status, { location: receiver.url }).end('words of theirs');
    await expect(webhookSink({ url: receiver.url }).write(records)).rejects.toThrow(
      expect.objectContaining({ message: `answered ${status}`, records: records.length }),
    );
    expect(receiver.requests).toHaveLength(1);
  });

  test('gives up on a receiver that does not answer', async () => {
    receiver.answer = null;
    await expect(
      webhookSink({ url: receiver.url, timeoutMs: 50, retry: { maxAttempts: 1 } }).write(records),
    ).rejects.toThrow('no answer within 50 ms');
  });

  test('does not wait for a body that never ends', async () => {
    receiver.answer = (response) => void response.writeHead(200).write('and so on');
    await webhookSink({ url: receiver.url }).write(records);
  });

  test('says why a receiver can not be reached', async () => {
    const { url } = receiver;
    await receiver.close();
    await expect(webhookSink({ url, retry: { maxAttempts: 1 } }).write(records)).rejects.toThrow('ECONNREFUSED');
    receiver = await startReceiver();
  });

  test('closing ends what is under way', async () => {
    receiver.answer = null;
    const sink = webhookSink({ url: receiver.url });
    const write = sink.write(records);
    write.catch(() => undefined);
    await vi.waitFor(() => expect(receiver.requests).toHaveLength(1), { interval: 2 });
    await Promise.all([expect(write).rejects.toThrow('closed before it was answered'), sink.close()]);
  });

  test('shows neither path nor secrets', () => {
    const { name } = webhookSink({ url: receiver.url, headers: { authorization: 'Bearer t0ken' } });
    expect(name).toMatch(/^webhook http:\/\/127\.0\.0\.1:\d+$/);
    const wrong: readonly HttpOptions[] = [
      { url: 'ftp://example.com/secret' },
      { url: 'secret' },
      { url: 'https://user:secret@example.com' },
      { url: 'https://example.com', headers: { 'x-key': 'secret\nsecret' } },
      { url: 'https://example.com', headers: { 'bad name': 'secret' } },
    ];
    for (const options of wrong) {
      expect(() => webhookSink(options)).toThrow(
        expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.not.stringContaining('secret') }),
      );
    }
  });
});

test('a record goes through every sink unchanged', async () => {
  const seen: ChainedRecord[] = [];
  const kept = memorySink();
  const sink = compositeSink([kept, callbackSink((record) => void seen.push(record))]);
  await sink.write(records);
  expect(kept.records).toEqual(seen);
});
