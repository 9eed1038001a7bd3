import { describe, expect, test, vi } from 'vitest';
import { callbackSink } from '../../src/sinks/callback.ts';
import { compositeSink } from '../../src/sinks/composite.ts';
import { createFanout } from '../../src/sinks/fanout.ts';
import { memorySink } from '../../src/sinks/memory.ts';
import type { Sink } from '../../src/sinks/sink.ts';
import { chainedSession, sampleNote } from '../suites/sink.ts';
import { listening } from './listening.ts';

const records = chainedSession('s1', 10);

describe('checkpoints in a fan-out', () => {
  test('keeps checkpoints in their place among the records, and counts what is lost of them', async () => {
    const { logger, warnings } = listening();
    const calls: unknown[] = [];
    const sink: Sink = {
      name: 'in order',
      write: async (batch) => void calls.push(batch.map(({ seq }) => seq)),
      writeCheckpoint: async (note) => {
        calls.push(note);
        if (note === sampleNote(1)) throw new Error('not this one');
      },
      close: async () => undefined,
    };
    const fanout = createFanout([sink], { logger, maxQueued: 8 });
    fanout.publishCheckpoint(sampleNote(0));
    fanout.publish(records.slice(0, 2));
    fanout.publish(records.slice(2, 4));
    fanout.publishCheckpoint(sampleNote(1));
    fanout.publishCheckpoint(sampleNote(2));
    fanout.publish(records.slice(4, 5));
    fanout.publishCheckpoint(sampleNote(3));
    await fanout.close(1000);
    expect(calls).toEqual([sampleNote(0), [0, 1, 2, 3], sampleNote(1), sampleNote(2), [4]]);
    expect(warnings.map(({ message }) => message)).toEqual([
      'audit sink in order: 0 lines failed, 1 were dropped',
      'audit sink in order: 1 lines failed (not this one), 0 were dropped',
    ]);
  });

  test('a sink without a place for checkpoints is given none, and nothing is told', async () => {
    const { logger, warnings } = listening();
    const seen: number[] = [];
    const sink = callbackSink((record) => void seen.push(record.seq));
    const kept = memorySink();
    const fanout = createFanout([compositeSink([sink, kept])], { logger });
    fanout.publishCheckpoint(sampleNote(0));
    fanout.publish(records.slice(0, 2));
    await fanout.close(1000);
    expect(seen).toEqual([0, 1]);
    expect(kept.checkpoints).toEqual([sampleNote(0)]);
    expect(warnings).toEqual([]);
  });

  test('a checkpoint that hangs delays nobody', async () => {
    const { logger } = listening();
    const kept = memorySink();
    const hanging: Sink = { ...memorySink(), name: 'hanging', writeCheckpoint: () => new Promise(() => undefined) };
    const fanout = createFanout([hanging, kept], { logger });
    const startedMs = performance.now();
    fanout.publishCheckpoint(sampleNote(0));
    fanout.publish(records);
    expect(performance.now() - startedMs).toBeLessThan(1_000);
    await vi.waitFor(() => expect(kept.records).toEqual(records), { interval: 1 });
    await fanout.close(20);
  });
});
