import type { ChainedRecord } from '../core/record.ts';
import { leavesOf } from './composite.ts';
import { createComplaints, type SinkLogger } from './complaints.ts';
import { createQueue } from './queue.ts';
import type { Sink } from './sink.ts';

/** How a fan-out behaves. */
export interface FanoutOptions {
  /** Told when a sink fails or drops records: at most once a minute for each sink, with a count. */
  readonly logger: SinkLogger;
  /** How many records and checkpoints wait for one sink before new ones are dropped. 10,000 when left out. */
  readonly maxQueued?: number;
  /** How often a sink's troubles are told at most, in milliseconds. A minute when left out. */
  readonly tellEveryMs?: number;
}

/** Gives records and checkpoints to sinks, each at its own pace. */
export interface Fanout {
  /** Hands records over and returns at once: never waits, never throws. */
  publish(records: readonly ChainedRecord[]): void;
  /** Hands a checkpoint (a signed note) over, behind the records of before, in the same way. */
  readonly publishCheckpoint: (note: string) => void;
  /** Lets the sinks open anew what was moved away (a file), after what they are writing. Returns at once, never throws. */
  reopen(): void;
  /** Takes no more records, lets the sinks write what waits, for so long at most, and closes them. */
  close(timeoutMs: number): Promise<void>;
}

const DEFAULT_MAX_QUEUED = 10_000;
const DEFAULT_TELL_EVERY_MS = 60_000;

/**
 * Makes a fan-out: a bounded queue for each sink (a composite's children have one each), so that a sink which is slow,
 * hangs or fails delays neither another nor the caller. When a queue is full what is newest is dropped: what a sink
 * has is then a log with a gap, which verification names.
 */
export function createFanout(sinks: readonly Sink[], options: FanoutOptions): Fanout {
  const { logger, maxQueued = DEFAULT_MAX_QUEUED, tellEveryMs = DEFAULT_TELL_EVERY_MS } = options;
  const queues = leavesOf(sinks).map((sink) =>
    createQueue(sink, maxQueued, createComplaints(sink.name, logger, tellEveryMs)),
  );
  return {
    publish: (records) => {
      for (const queue of queues) queue.push(records);
    },
    publishCheckpoint: (note) => {
      for (const queue of queues) queue.pushCheckpoint(note);
    },
    reopen: () => {
      for (const queue of queues) queue.reopen();
    },
    close: async (timeoutMs) => {
      await Promise.all(queues.map((queue) => queue.close(timeoutMs)));
    },
  };
}
