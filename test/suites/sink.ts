import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { verifyLog } from '../../src/audit/verify.ts';
import type { ChainedRecord } from '../../src/core/record.ts';
import { createFanout } from '../../src/sinks/fanout.ts';
import type { Sink } from '../../src/sinks/sink.ts';
import { sampleLines, sampleSession } from './sample-session.ts';

/** A sink to be tried, and the other end of it. */
export interface SinkUnderTest {
  readonly sink: Sink;
  /** What arrived so far, as lines of the chain, without newlines. */
  received(): Promise<readonly string[]>;
  /** The notes of the checkpoints that arrived so far. */
  checkpoints(): Promise<readonly string[]>;
  /** Makes writes fail: a folder that can't be made, a receiver that answers 500. Null where no write can fail. */
  readonly breakIt: (() => Promise<void>) | null;
  /** And makes them work again. */
  readonly mendIt: (() => Promise<void>) | null;
  dispose(): Promise<void>;
}

/** Records in the chain, as a store hands them to sinks. */
export function chainedSession(sessionId: string, calls: number): readonly ChainedRecord[] {
  return sampleLines(sampleSession(sessionId, calls)).map((line) => JSON.parse(line) as ChainedRecord);
}

/** Checkpoints, as a notary hands them to sinks: text of several lines, not all of it ASCII. */
export function sampleNote(number: number): string {
  const root = Buffer.alloc(32, number + 1).toString('base64');
  return `example.com/aegrail\n${number}\n${root}\nnumber ${number}\ntime 2026-09-21T14:${String(number).padStart(2, '0')}:00.000Z\n\n— example.com/aegrail "c2lnbmVk"\n`;
}

/** What holds for every sink. */
export function sinkSuite(name: string, open: () => Promise<SinkUnderTest>): void {
  describe(name, () => {
    const records = chainedSession('s1', 3);
    const lines = sampleLines(sampleSession('s1', 3));
    let under: SinkUnderTest;

    beforeEach(async () => {
      under = await open();
    });
    afterEach(async () => {
      await under.sink.close();
      await under.dispose();
    });

    test('passes records on in order, as lines that verify', async () => {
      await under.sink.write(records.slice(0, 1));
      await under.sink.write(records.slice(1));
      expect(await under.received()).toEqual(lines);
      expect(await verifyLog(await under.received())).toMatchObject({ ok: true, records: lines.length });
    });

    test('what is written at the same time stays in order', async () => {
      await Promise.all(records.map((record) => under.sink.write([record])));
      expect([...(await under.received())].sort()).toEqual([...lines].sort());
    });

    test('has a name on one line, and can be closed without a write, and twice', async () => {
      expect(under.sink.name).toMatch(/^[a-z]+( \S.*)?$/);
      await under.sink.close();
      await under.sink.close();
    });

    test('passes checkpoints on in order, apart from the records', async () => {
      await under.sink.write(records.slice(0, 2));
      await under.sink.writeCheckpoint?.(sampleNote(0));
      await under.sink.write(records.slice(2));
      await under.sink.writeCheckpoint?.(sampleNote(1));
      await under.sink.writeCheckpoint?.(sampleNote(2));
      expect(await under.received()).toEqual(lines);
      expect(await under.checkpoints()).toEqual([0, 1, 2].map(sampleNote));
    });

    test('a checkpoint that fails rejects, and the next one is a new try', async () => {
      await under.breakIt?.();
      const first = under.sink.writeCheckpoint?.(sampleNote(0));
      await (under.breakIt === null ? first : expect(first).rejects.toThrow());
      await under.mendIt?.();
      await under.sink.writeCheckpoint?.(sampleNote(1));
      expect((await under.checkpoints()).at(-1)).toBe(sampleNote(1));
    });

    test('a failure rejects, and the next write is a new try', async () => {
      await under.breakIt?.();
      const first = under.sink.write(records.slice(0, 1));
      await (under.breakIt === null ? first : expect(first).rejects.toThrow());
      await under.mendIt?.();
      await under.sink.write(records);
      expect((await under.received()).slice(-lines.length)).toEqual(lines);
    });

    test('opening anew, at any time, loses nothing', async () => {
      const reopen = async (): Promise<void> => under.sink.reopen?.();
      const writes = [reopen()];
      for (const record of records) writes.push(under.sink.write([record]), reopen());
      writes.push(reopen(), Promise.resolve(under.sink.writeCheckpoint?.(sampleNote(0))), reopen());
      await Promise.all(writes);
      expect(await under.checkpoints()).toEqual([sampleNote(0)]);
      expect([...(await under.received())].sort()).toEqual([...lines].sort());
    });

    test('behind a fan-out: broken, it holds nobody up and is told of once; mended, it goes on', async () => {
      const warnings: string[] = [];
      const fanout = createFanout([under.sink], {
        logger: { warn: (_fields, message) => void warnings.push(message) },
      });
      const isBreakable = under.breakIt !== null;
      if (isBreakable) {
        await under.breakIt?.();
        for (const record of records) {
          const startedMs = performance.now();
          fanout.publish([record]);
          fanout.publishCheckpoint(sampleNote(0));
          fanout.reopen();
          expect(performance.now() - startedMs).toBeLessThan(50);
          await new Promise((resolve) => setImmediate(resolve));
        }
        await vi.waitFor(() => expect(warnings).toHaveLength(1), { interval: 2 });
        // What was queued meanwhile fails too, before it is mended: this write is behind it.
        await under.sink.write(records.slice(0, 1)).catch(() => undefined);
        expect(warnings).toHaveLength(1);
        await under.mendIt?.();
      }
      fanout.publish(records);
      fanout.publishCheckpoint(sampleNote(1));
      await vi.waitFor(async () => expect((await under.received()).slice(-lines.length)).toEqual(lines), {
        interval: 5,
      });
      await fanout.close(2000);
      expect((await under.checkpoints()).at(-1)).toBe(sampleNote(1));
      // The rest of what went wrong, with a count, is told at the end.
      expect(warnings.length).toBeLessThanOrEqual(isBreakable ? 2 : 0);
    });
  });
}
