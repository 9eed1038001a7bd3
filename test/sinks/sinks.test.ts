import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { describe, expect, vi } from 'vitest';
import { canonicalJson } from '../../src/core/canonical.ts';
import { lineOf } from '../../src/core/chain.ts';
import { callbackSink } from '../../src/sinks/callback.ts';
import { compositeSink } from '../../src/sinks/composite.ts';
import { checkpointsPath, fileSink } from '../../src/sinks/file.ts';
import type { FileOptions } from '../../src/sinks/line-file.ts';
import { memorySink } from '../../src/sinks/memory.ts';
import { otlpSink } from '../../src/sinks/otlp.ts';
import { stdoutSink } from '../../src/sinks/stdout.ts';
import { webhookSink } from '../../src/sinks/webhook.ts';
import { logsRequestSchema } from '../otel/otlp-form.ts';
import { chainedSession, sinkSuite, type SinkUnderTest } from '../suites/sink.ts';
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
        const names = readdirSync(join(folder, 'logs'))
          .filter((file) => !file.includes('checkpoints'))
          .sort();
        expect(names.length).toBeGreaterThanOrEqual(files);
        return names.flatMap((file) => linesIn(readFileSync(join(folder, 'logs', file), 'utf8')));
      },
      checkpoints: async () => {
        const beside = checkpointsPath(path);
        return existsSync(beside) ? notesIn(linesIn(readFileSync(beside, 'utf8'))) : [];
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
    received: async () => linesIn(text).filter((line) => !isNote(line)),
    checkpoints: async () => notesIn(linesIn(text)),
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
    checkpoints: async () => sink.checkpoints,
    breakIt: null,
    mendIt: null,
    dispose: async () => undefined,
  };
});

sinkSuite('callback', async () => {
  const lines: string[] = [];
  const notes: string[] = [];
  let broken = false;
  const keep = async (list: string[], line: string): Promise<void> => {
    await Promise.resolve();
    if (broken) throw new Error('the callback failed');
    list.push(line);
  };
  const sink = callbackSink(
    (record) => keep(lines, lineOf(record)),
    (note) => keep(notes, note),
  );
  return {
    sink,
    received: async () => lines,
    checkpoints: async () => notes,
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

/** What the suite does to a receiver, whatever is sent to it. */
function atReceiver(receiver: Receiver): Pick<SinkUnderTest, 'breakIt' | 'mendIt' | 'dispose'> {
  return {
    breakIt: async () => {
      receiver.answer = (response) => response.writeHead(500).end('no');
    },
    mendIt: async () => {
      receiver.requests.length = 0;
      receiver.answer = (response) => response.writeHead(200).end('yes');
    },
    dispose: async () => receiver.close(),
  };
}

/** What the suite does to a spool: behind it, a receiver that is broken makes no write fail. */
function withSpool(receiver: Receiver): Pick<SinkUnderTest, 'breakIt' | 'mendIt' | 'dispose'> & {
  readonly spool: string;
  readonly untilEmpty: () => Promise<void>;
} {
  const folder = mkdtempSync(join(tmpdir(), 'aegrail-sink-'));
  const spool = join(folder, 'spool');
  return {
    spool,
    untilEmpty: () =>
      vi.waitFor(() => {
        const names = readdirSync(spool, { recursive: true }).map(String);
        expect(names.filter((name) => name.endsWith('.jsonl'))).toEqual([]);
      }),
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
}

sinkSuite('webhook', async () => {
  const receiver = await startReceiver();
  return {
    sink: webhookSink({ url: receiver.url, retry: { maxAttempts: 2, ...FAST } }),
    received: async () => accepted(receiver),
    checkpoints: async () => notesIn(bodies(receiver)),
    ...atReceiver(receiver),
  };
});

sinkSuite('webhook with a spool', async () => {
  const receiver = await startReceiver();
  const { spool, untilEmpty, ...rest } = withSpool(receiver);
  return {
    sink: webhookSink({ url: receiver.url, retry: FAST, spool: { folder: spool, maxBytes: 1_000_000 } }),
    received: async () => {
      await untilEmpty();
      return accepted(receiver);
    },
    checkpoints: async () => {
      await untilEmpty();
      return notesIn(bodies(receiver));
    },
    ...rest,
  };
});

function bodies(receiver: Receiver): readonly string[] {
  return receiver.requests.map(({ body }) => body);
}

function accepted(receiver: Receiver): readonly string[] {
  return bodies(receiver)
    .filter((body) => !isNote(body))
    .flatMap((body) => (JSON.parse(body) as unknown[]).map(canonicalJson));
}

// Spans are not one for each record: the suite is for logs, test/sinks/otlp.test.ts for both.
sinkSuite('otlp', async () => {
  const receiver = await startReceiver();
  return {
    sink: otlpSink({ url: receiver.url, traces: false, retry: FAST }),
    received: async () => otlpLines(receiver),
    checkpoints: async () => otlpAttributes(receiver, 'aegrail.note'),
    ...atReceiver(receiver),
  };
});

sinkSuite('otlp with a spool', async () => {
  const receiver = await startReceiver();
  const { spool, untilEmpty, ...rest } = withSpool(receiver);
  return {
    sink: otlpSink({
      url: receiver.url,
      traces: false,
      retry: FAST,
      spool: { folder: spool, maxBytes: 1_000_000 },
    }),
    received: async () => {
      await untilEmpty();
      return otlpLines(receiver);
    },
    checkpoints: async () => {
      await untilEmpty();
      return otlpAttributes(receiver, 'aegrail.note');
    },
    ...rest,
  };
});

/** The lines of the chain that log records point to, by their hashes. */
function otlpLines(receiver: Receiver): readonly string[] {
  const known = new Map(chainedSession('s1', 3).map((record) => [record.hash, lineOf(record)]));
  return otlpAttributes(receiver, 'aegrail.hash').map((hash) => known.get(hash) ?? `no record has ${hash}`);
}

function otlpAttributes(receiver: Receiver, key: string): readonly string[] {
  return bodies(receiver)
    .flatMap((body) => logsRequestSchema.parse(JSON.parse(body)).resourceLogs)
    .flatMap(({ scopeLogs }) => scopeLogs.flatMap(({ logRecords }) => logRecords))
    .flatMap(({ attributes }) => attributes.filter((attribute) => attribute.key === key))
    .map(({ value }) => String(value.stringValue));
}

sinkSuite('composite', async () => {
  const kept = memorySink();
  let broken = false;
  const work = (): void => {
    if (broken) throw new Error('moody');
  };
  const moody = callbackSink(work, work);
  return {
    sink: compositeSink([moody, kept]),
    received: async () => kept.records.map(lineOf),
    checkpoints: async () => kept.checkpoints,
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

function isNote(line: string): boolean {
  return line.startsWith('{"note":');
}

/** The notes of those lines that are checkpoints, each of which must be nothing but its note. */
function notesIn(lines: readonly string[]): readonly string[] {
  return lines.filter(isNote).map((line) => {
    const { note, ...rest } = JSON.parse(line) as { note: string };
    if (Object.keys(rest).length > 0) throw new Error(`more than a note: ${line}`);
    return note;
  });
}
