import { describe, expect, test, vi } from 'vitest';
import type { ChainedRecord } from '../../src/core/record.ts';
import { compositeSink } from '../../src/sinks/composite.ts';
import { LostRecords } from '../../src/sinks/failure.ts';
import { createFanout } from '../../src/sinks/fanout.ts';
import { memorySink } from '../../src/sinks/memory.ts';
import type { Sink, SinkTrouble } from '../../src/sinks/sink.ts';
import { webhookSink } from '../../src/sinks/webhook.ts';
import { chainedSession } from '../suites/sink.ts';
import { startReceiver } from './http-receiver.ts';
import { listening } from './listening.ts';

const records = chainedSession('s1', 10);

/** A sink whose writes end when it is told so. */
function gatedSink(
  name: string,
): Sink & { readonly batches: (readonly ChainedRecord[])[]; open(): void; closed: boolean } {
  let open = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const sink = {
    name,
    batches: [] as (readonly ChainedRecord[])[],
    closed: false,
    open: () => open(),
    write: async (batch: readonly ChainedRecord[]) => {
      sink.batches.push(batch);
      await gate;
    },
    close: async () => {
      sink.closed = true;
    },
  };
  return sink;
}

function failingSink(name: string): Sink {
  return {
    name,
    write: () => {
      throw new Error('disk full');
    },
    close: () => Promise.reject(new Error('no')),
  };
}

describe('createFanout', () => {
  test('gives every sink every record, in order, and drains on close', async () => {
    const { logger, warnings } = listening();
    const sinks = [memorySink(), memorySink()];
    const fanout = createFanout(sinks, { logger });
    for (const record of records) fanout.publish([record]);
    expect(sinks[0]?.records).toEqual([]);
    await fanout.close(1000);
    expect(sinks.map((sink) => sink.records)).toEqual([records, records]);
    expect(warnings).toEqual([]);
  });

  test('a sink that hangs, or fails, or throws at once, delays and disturbs no other', async () => {
    const { logger, warnings } = listening();
    const hanging = gatedSink('hanging');
    const kept = memorySink();
    const inComposite = memorySink();
    const fanout = createFanout(
      [hanging, failingSink('broken'), kept, compositeSink([gatedSink('hanging too'), inComposite])],
      { logger },
    );
    for (const record of records) {
      fanout.publish([record]);
      await vi.waitFor(() => expect(kept.records.at(-1)).toBe(record), { interval: 1 });
    }
    await vi.waitFor(() => expect(inComposite.records).toEqual(records), { interval: 1 });
    const startedMs = performance.now();
    await fanout.close(100);
    expect(performance.now() - startedMs).toBeLessThan(1000);
    expect(hanging.closed).toBe(true);
    expect(warnings.map(({ fields }) => fields['sink'])).toEqual(
      expect.arrayContaining(['hanging', 'hanging too', 'broken']),
    );
    const lost = warnings.filter(({ fields }) => fields['sink'] === 'hanging');
    expect(lost.map(({ fields }) => fields['dropped'])).toEqual([records.length]);
  });

  test('drops the newest when a queue is full, and counts them', async () => {
    const { logger, warnings } = listening();
    const slow = gatedSink('slow');
    const fanout = createFanout([slow], { logger, maxQueued: 5 });
    fanout.publish(records.slice(0, 3));
    fanout.publish(records.slice(3, 8));
    fanout.publish(records.slice(8));
    slow.open();
    await fanout.close(1000);
    expect(slow.batches.flat()).toEqual(records.slice(0, 5));
    expect(warnings.map(({ fields }) => fields['dropped'])).toEqual([3, records.length - 8]);
    expect(warnings[0]?.message).toBe('audit sink slow: 0 lines failed, 3 were dropped');
  });

  test('what is in a write counts as queued', async () => {
    const { logger, warnings } = listening();
    const slow = gatedSink('slow');
    const fanout = createFanout([slow], { logger, maxQueued: 3 });
    fanout.publish(records.slice(0, 3));
    await vi.waitFor(() => expect(slow.batches).toHaveLength(1), { interval: 1 });
    fanout.publish(records.slice(3, 4));
    expect(warnings.map(({ fields }) => fields['dropped'])).toEqual([1]);
    slow.open();
    await fanout.close(1000);
  });

  test('tells a failure at once, and those after it together, when the time is over', async () => {
    const { logger, warnings } = listening();
    const fanout = createFanout([failingSink('broken')], { logger, tellEveryMs: 200 });
    for (const record of records.slice(0, 5)) {
      fanout.publish([record]);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await vi.waitFor(() => expect(warnings).toHaveLength(2), { interval: 5 });
    expect(warnings.map(({ fields }) => fields['failed'])).toEqual([1, 4]);
    expect(warnings[0]).toEqual({
      fields: { sink: 'broken', failed: 1, dropped: 0, error: 'disk full' },
      message: 'audit sink broken: 1 lines failed (disk full), 0 were dropped',
    });
    await fanout.close(100);
  });

  test('counts what a sink knows to be lost, and hears what goes wrong between writes', async () => {
    const { logger, warnings } = listening();
    let trouble: SinkTrouble = () => undefined;
    const sink: Sink = {
      name: 'partial',
      write: () => Promise.reject(new LostRecords(2, 'two of them')),
      close: async () => undefined,
      listen: (listener) => {
        trouble = listener;
      },
    };
    const fanout = createFanout([compositeSink([sink])], { logger });
    fanout.publish(records);
    await vi.waitFor(() => expect(warnings).toHaveLength(1), { interval: 1 });
    trouble(3, new Error('later'));
    trouble(0, new Error('late only'));
    expect(warnings).toHaveLength(1);
    await fanout.close(100);
    expect(warnings.map(({ fields }) => fields)).toEqual([
      { sink: 'partial', failed: 2, dropped: 0, error: 'two of them' },
      { sink: 'partial', failed: 3, dropped: 0, error: 'late only' },
    ]);
  });

  test('a sink that can not be opened anew is told of, and disturbs nobody', async () => {
    const { logger, warnings } = listening();
    const kept = memorySink();
    const sink: Sink = { ...failingSink('stuck'), reopen: () => Promise.reject(new Error('no such folder')) };
    const fanout = createFanout([sink, kept], { logger });
    fanout.reopen();
    await vi.waitFor(() => expect(warnings.map(({ fields }) => fields['error'])).toEqual(['no such folder']), {
      interval: 1,
    });
    fanout.publish(records);
    await vi.waitFor(() => expect(kept.records).toEqual(records), { interval: 1 });
    await fanout.close(100);
  });

  test('tells of a sink that always fails once a minute, not more', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const { logger, warnings } = listening();
      const fanout = createFanout([failingSink('broken')], { logger });
      for (let second = 0; second < 180; second++) {
        fanout.publish(records.slice(0, 1));
        // The queue's own turn, which the fake clock has no part in.
        for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
        vi.advanceTimersByTime(1000);
      }
      expect(warnings.map(({ fields }) => fields['failed'])).toEqual([1, 59, 60, 60]);
    } finally {
      vi.useRealTimers();
    }
  });

  test('goes on with a sink that failed', async () => {
    const { logger } = listening();
    const seen: number[] = [];
    const moody: Sink = {
      name: 'moody',
      write: async (batch) => {
        if (batch[0]?.seq === 0) throw new Error('not yet');
        seen.push(...batch.map(({ seq }) => seq));
      },
      close: async () => undefined,
    };
    const fanout = createFanout([moody], { logger });
    fanout.publish(records.slice(0, 1));
    await new Promise((resolve) => setImmediate(resolve));
    fanout.publish(records.slice(1, 3));
    await fanout.close(1000);
    expect(seen).toEqual([1, 2]);
  });

  test('writes what piled up in batches', async () => {
    const { logger } = listening();
    const many = chainedSession('s1', 600);
    const sink = gatedSink('batched');
    sink.open();
    const fanout = createFanout([sink], { logger });
    fanout.publish(many);
    await fanout.close(5000);
    expect(sink.batches.map((batch) => batch.length)).toEqual([500, 500, many.length - 1000]);
  });

  test('takes nothing more once it is closed, and says so', async () => {
    const { logger, warnings } = listening();
    const kept = memorySink();
    const fanout = createFanout([kept], { logger });
    await fanout.close(100);
    fanout.publish(records);
    await fanout.close(100);
    expect(kept.records).toEqual([]);
    expect(warnings.map(({ fields }) => fields['dropped'])).toEqual([records.length]);
  });

  test('without sinks it is nothing', async () => {
    const fanout = createFanout([], listening());
    fanout.publish(records);
    await fanout.close(0);
  });

  test('with a receiver that is down, says why, and with one that is up, delivers', async () => {
    const { logger, warnings } = listening();
    const [up, down] = [await startReceiver(), await startReceiver()];
    await down.close();
    const fanout = createFanout(
      [webhookSink({ url: down.url, retry: { maxAttempts: 1 } }), webhookSink({ url: up.url })],
      { logger },
    );
    fanout.publish(records);
    await fanout.close(2000);
    expect(up.requests.flatMap(({ body }) => JSON.parse(body) as unknown[])).toEqual(records);
    expect(warnings.map(({ fields }) => fields['error'])).toEqual(['ECONNREFUSED']);
    await up.close();
  });
});
