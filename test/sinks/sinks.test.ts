import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { describe, expect, vi } from 'vitest';
import { canonicalJson } from '../../src/core/canonical.ts';
import { lineOf } from '../../src/core/chain.ts';
import { callbackSink } from '../../src/sinks/callback.ts';
import { compositeSink } from '../../src/sinks/composite.ts';
import { type FileOptions, fileSink } from '../../src/sinks/file.ts';
import { memorySink } from '../../src/sinks/memory.ts';
import { stdoutSink } from '../../src/sinks/stdout.ts';
import { webhookSink } from '../../src/sinks/webhook.ts';
import { sinkSuite } from '../suites/sink.ts';
import { type Receiver, startReceiver } from './http-receiver.ts';

describe.each<[string, FileOptions, number]>([
  ['file', {}, 1],
  ['file, rotated and synced', { maxBytes: 2500, daily: true, keep: 100, fsync: 'batch' }, 3],
])('%s', (name, options, files) => {
  sinkSuite(name, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'aegrail-sink-'));
    const path = join(folder, 'logs/audit.jsonl');
    return {
      sink: fileSink(path, options),
      received: async () => {
        const names = readdirSync(join(folder, 'logs')).sort();
        expect(names.length).toBeGreaterThanOrEqual(files);
        return names.flatMap((file) => linesIn(readFileSync(join(folder, 'logs', file), 'utf8')));
      },
      breakIt: async () => writeFileSync(join(folder, 'logs'), 'in the way'),
      mendIt: async () => rmSync(join(folder, 'logs')),
      dispose: async () => rmSync(folder, { recursive: true }),
    };
  });
});

sinkSuite('stdout', async () => {
  let text = '';
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk);
      done();
    },
  });
  return {
    sink: stdoutSink(stream),
    received: async () => linesIn(text),
    breakIt: null,
    mendIt: null,
    dispose: async () => undefined,
  };
});

sinkSuite('memory', async () => {
  const sink = memorySink();
  return {
    sink,
    received: async () => sink.records.map(lineOf),
    breakIt: null,
    mendIt: null,
    dispose: async () => undefined,
  };
});

sinkSuite('callback', async () => {
  const lines: string[] = [];
  let broken = false;
  const sink = callbackSink(async (record) => {
    await Promise.resolve();
    if (broken) throw new Error('the callback failed');
    lines.push(lineOf(record));
  });
  return {
    sink,
    received: async () => lines,
    breakIt: async () => {
      broken = true;
    },
    mendIt: async () => {
      broken = false;
    },
    dispose: async () => undefined,
  };
});

const FAST = { firstMs: 5, maxMs: 20 };

sinkSuite('webhook', async () => {
  const receiver = await startReceiver();
  return {
    sink: webhookSink({ url: receiver.url, retry: { maxAttempts: 2, ...FAST } }),
    received: async () => accepted(receiver),
    breakIt: async () => {
      receiver.answer = (response) => response.writeHead(500).end('no');
    },
    mendIt: async () => {
      receiver.requests.length = 0;
      receiver.answer = (response) => response.writeHead(200).end('yes');
    },
    dispose: async () => receiver.close(),
  };
});

sinkSuite('webhook with a spool', async () => {
  const receiver = await startReceiver();
  const folder = mkdtempSync(join(tmpdir(), 'aegrail-sink-'));
  const spool = join(folder, 'spool');
  return {
    sink: webhookSink({ url: receiver.url, retry: FAST, spool: { folder: spool, maxBytes: 1_000_000 } }),
    received: async () => {
      await vi.waitFor(() => expect(readdirSync(spool).filter((name) => name.endsWith('.jsonl'))).toEqual([]));
      return accepted(receiver);
    },
    breakIt: async () => {
      rmSync(spool, { recursive: true });
      writeFileSync(spool, 'in the way');
    },
    mendIt: async () => rmSync(spool),
    dispose: async () => {
      await receiver.close();
      rmSync(folder, { recursive: true });
    },
  };
});

function accepted(receiver: Receiver): readonly string[] {
  return receiver.requests.flatMap(({ body }) => (JSON.parse(body) as unknown[]).map(canonicalJson));
}

sinkSuite('composite', async () => {
  const kept = memorySink();
  let broken = false;
  const moody = callbackSink(() => {
    if (broken) throw new Error('moody');
  });
  return {
    sink: compositeSink([moody, kept]),
    received: async () => kept.records.map(lineOf),
    breakIt: async () => {
      broken = true;
    },
    mendIt: async () => {
      broken = false;
    },
    dispose: async () => undefined,
  };
});

function linesIn(text: string): readonly string[] {
  return text.split('\n').slice(0, -1);
}
