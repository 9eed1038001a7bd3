import type { ChainedRecord } from '../core/record.ts';
import type { Complaints } from './complaints.ts';
import { LostRecords } from './failure.ts';
import type { Sink } from './sink.ts';

/** What waits for one sink: a record, or the note of a checkpoint. */
type Waiting = ChainedRecord | string;

/** The records and checkpoints that wait for one sink, in the order in which they came. */
export interface SinkQueue {
  /** Takes records in, or drops and counts those there is no room for. */
  push(records: readonly ChainedRecord[]): void;
  /** The same for a checkpoint. Nothing, when the sink has no place for one. */
  pushCheckpoint(note: string): void;
  /** Has the sink open anew what was moved away. */
  reopen(): void;
  /** Drains for so long at most, then closes the sink. Resolves in that time, whatever the sink does. */
  close(timeoutMs: number): Promise<void>;
}

/** Most records in one write, so that what piled up does not become one huge request. */
const MAX_BATCH_RECORDS = 500;

/** Makes a queue of at most `maxQueued` records and checkpoints, which writes one batch after the other. */
export function createQueue(sink: Sink, maxQueued: number, complaints: Complaints): SinkQueue {
  const waiting: Waiting[] = [];
  let writing: Promise<void> | undefined;
  let inWrite = 0;
  let closed = false;
  let gaveUp = false;
  let sinkClosed = false;

  async function drain(): Promise<void> {
    // Not in the caller's turn: a sink that computes for long, or throws at once, is none of the caller's business.
    await new Promise((resolve) => setImmediate(resolve));
    while (waiting.length > 0) {
      const next = takeNext(waiting);
      inWrite = typeof next === 'string' ? 1 : next.length;
      try {
        await (typeof next === 'string' ? sink.writeCheckpoint?.(next) : sink.write(next));
      } catch (error) {
        const lost = error instanceof LostRecords ? error.records : inWrite;
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

  function push(entries: readonly Waiting[]): void {
    const room = closed ? 0 : Math.max(0, maxQueued - waiting.length - inWrite);
    const taken = entries.slice(0, room);
    for (const entry of taken) waiting.push(entry);
    if (taken.length < entries.length) complaints.dropped(entries.length - taken.length);
    if (taken.length > 0) writing ??= drain();
  }

  sink.listen?.((lostRecords, error) => complaints.failed(lostRecords, error));
  return {
    reopen: () => void reopen(),
    push,
    pushCheckpoint: (note) => {
      if (sink.writeCheckpoint !== undefined) push([note]);
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

/** Takes what goes into one write: a checkpoint, or the records before the next one. */
function takeNext(waiting: Waiting[]): readonly ChainedRecord[] | string {
  const records: ChainedRecord[] = [];
  for (const entry of waiting) {
    if (typeof entry === 'string' || records.length === MAX_BATCH_RECORDS) break;
    records.push(entry);
  }
  const first = waiting.splice(0, Math.max(1, records.length))[0];
  return typeof first === 'string' ? first : records;
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
