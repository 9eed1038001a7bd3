import type { ChainedRecord } from '../core/record.ts';
import type { Complaints } from './complaints.ts';
import { LostRecords } from './failure.ts';
import type { Sink } from './sink.ts';

/** The records that wait for one sink. */
export interface SinkQueue {
  /** Takes records in, or drops and counts those there is no room for. */
  push(records: readonly ChainedRecord[]): void;
  /** Has the sink open anew what was moved away. */
  reopen(): void;
  /** Drains for so long at most, then closes the sink. Resolves in that time, whatever the sink does. */
  close(timeoutMs: number): Promise<void>;
}

/** Most records in one write, so that what piled up does not become one huge request. */
const MAX_BATCH_RECORDS = 500;

/** Makes a queue of at most `maxQueued` records, which writes one batch after the other. */
export function createQueue(sink: Sink, maxQueued: number, complaints: Complaints): SinkQueue {
  const waiting: ChainedRecord[] = [];
  let writing: Promise<void> | undefined;
  let inWrite = 0;
  let closed = false;
  let gaveUp = false;
  let sinkClosed = false;

  async function drain(): Promise<void> {
    // Not in the caller's turn: a sink that computes for long, or throws at once, is none of the caller's business.
    await new Promise((resolve) => setImmediate(resolve));
    while (waiting.length > 0) {
      const batch = waiting.splice(0, MAX_BATCH_RECORDS);
      inWrite = batch.length;
      try {
        await sink.write(batch);
      } catch (error) {
        const lost = error instanceof LostRecords ? error.records : batch.length;
        if (!gaveUp) complaints.failed(lost, error);
      }
      inWrite = 0;
    }
    writing = undefined;
  }

  async function drainAndClose(): Promise<void> {
    await writing;
    if (!gaveUp) await closeSink();
  }

  async function closeSink(): Promise<void> {
    if (sinkClosed) return;
    sinkClosed = true;
    try {
      await sink.close();
    } catch (error) {
      if (!gaveUp) complaints.failed(0, error);
    }
  }

  async function reopen(): Promise<void> {
    try {
      await sink.reopen?.();
    } catch (error) {
      complaints.failed(0, error);
    }
  }

  sink.listen?.((lostRecords, error) => complaints.failed(lostRecords, error));
  return {
    reopen: () => void reopen(),
    push: (records) => {
      const room = closed ? 0 : Math.max(0, maxQueued - waiting.length - inWrite);
      const taken = records.slice(0, room);
      for (const record of taken) waiting.push(record);
      if (taken.length < records.length) complaints.dropped(records.length - taken.length);
      if (taken.length > 0) writing ??= drain();
    },
    close: async (timeoutMs) => {
      closed = true;
      if (!(await endsWithin(drainAndClose(), timeoutMs))) {
        gaveUp = true;
        const lost = waiting.splice(0).length + inWrite;
        if (lost > 0) complaints.dropped(lost);
        // It lets go of what it can. Nobody waits: it has had its time.
        void closeSink();
      }
      complaints.flush();
    },
  };
}

async function endsWithin(work: Promise<void>, timeoutMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs);
  });
  try {
    return await Promise.race([work.then(() => true), over]);
  } finally {
    clearTimeout(timer);
  }
}
