import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { canonicalJson } from '../../src/core/canonical.ts';
import { lineOf } from '../../src/core/chain.ts';
import { callbackSink } from '../../src/sinks/callback.ts';
import { compositeSink } from '../../src/sinks/composite.ts';
import { fileSink } from '../../src/sinks/file.ts';
import { memorySink } from '../../src/sinks/memory.ts';
import { stdoutSink } from '../../src/sinks/stdout.ts';
import { webhookSink } from '../../src/sinks/webhook.ts';
import { sinkSuite } from '../suites/sink.ts';
import { startReceiver } from './http-receiver.ts';

sinkSuite('file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'aegrail-sink-'));
  const path = join(folder, 'logs/audit.jsonl');
  return {
    sink: fileSink(path),
    received: async () => linesIn(readFileSync(path, 'utf8')),
    breakIt: async () => writeFileSync(join(folder, 'logs'), 'in the way'),
    mendIt: async () => rmSync(join(folder, 'logs')),
    dispose: async () => rmSync(folder, { recursive: true }),
  };
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

sinkSuite('webhook', async () => {
  const receiver = await startReceiver();
  return {
    sink: webhookSink({ url: receiver.url }),
    received: async () => receiver.requests.flatMap(({ body }) => (JSON.parse(body) as unknown[]).map(canonicalJson)),
    breakIt: async () => {
      receiver.answer = (response) => response.writeHead(500).end('no');
    },
    mendIt: async () => {
      receiver.answer = (response) => response.writeHead(200).end('yes');
    },
    dispose: async () => receiver.close(),
  };
});

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
