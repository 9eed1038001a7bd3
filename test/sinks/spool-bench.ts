import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, vi } from 'vitest';
import { lineOf } from '../../src/core/chain.ts';
import type { ChainedRecord } from '../../src/core/record.ts';
import type { HttpOptions } from '../../src/sinks/http-sink.ts';
import type { Sink } from '../../src/sinks/sink.ts';
import { webhookSink } from '../../src/sinks/webhook.ts';
import { type Receiver, startReceiver } from './http-receiver.ts';

/** What a test of spools works on: new for each test. */
export interface SpoolBench {
  folder: string;
  /** A test may close it, and put another in its place. */
  receiver: Receiver;
  /** A webhook sink that spools in the folder. It is closed with the test. */
  open(options?: Partial<HttpOptions>): Sink;
  /** The files that wait. */
  spooled(): readonly string[];
  /** The lines that the receiver has. */
  arrived(): readonly string[];
  /** Waits until no file does. */
  delivered(): Promise<void>;
}

/** Gives each test of a file a folder, a receiver and sinks, which go away with it. */
export function spoolBench(): SpoolBench {
  let sinks: Sink[] = [];
  // Both are there before a test is: beforeEach below.
  const bench: SpoolBench = {
    folder: '',
    receiver: undefined as unknown as Receiver,
    open(options: Partial<HttpOptions> = {}) {
      const sink = webhookSink({
        url: bench.receiver.url,
        timeoutMs: 1000,
        retry: { firstMs: 5, maxMs: 20 },
        spool: { folder: bench.folder, maxBytes: 1_000_000 },
        ...options,
      });
      sinks.push(sink);
      return sink;
    },
    spooled: () => readdirSync(bench.folder).filter((name) => /^\d{15}-[0-9a-f]{8}\.jsonl$/.test(name)),
    arrived: () => bench.receiver.requests.flatMap(({ body }) => (JSON.parse(body) as ChainedRecord[]).map(lineOf)),
    async delivered() {
      await vi.waitFor(() => expect(bench.spooled()).toEqual([]), { interval: 5, timeout: 5000 });
    },
  };
  beforeEach(async () => {
    bench.folder = mkdtempSync(join(tmpdir(), 'aegrail-spool-'));
    bench.receiver = await startReceiver();
    sinks = [];
  });
  afterEach(async () => {
    await Promise.all(sinks.map((sink) => sink.close()));
    await bench.receiver.close();
    rmSync(bench.folder, { recursive: true });
  });
  return bench;
}

/** What a sink says that it lost, and why. */
export function troublesOf(sink: Sink): [number, string][] {
  const troubles: [number, string][] = [];
  sink.listen?.((lost, error) => troubles.push([lost, (error as Error).message]));
  return troubles;
}
