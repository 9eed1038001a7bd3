import { messageOf } from '../core/errors.ts';

/** What a fan-out needs of a logger; pino's is one. */
export interface SinkLogger {
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** Counts one sink's troubles, and tells them without filling the log. */
export interface Complaints {
  /** A write of so many lines (records, or a checkpoint) failed, or closing did (of none). */
  failed(lines: number, error: unknown): void;
  /** Lines were not even tried: the queue was full, or closed. */
  dropped(lines: number): void;
  /** Tells what was not told yet. */
  flush(): void;
}

/** The first trouble is told at once; what follows is counted, and told when the time is over. */
export function createComplaints(sink: string, logger: SinkLogger, tellEveryMs: number): Complaints {
  let failed = 0;
  let dropped = 0;
  let error: string | undefined;
  let timer: NodeJS.Timeout | undefined;

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    if (failed + dropped > 0 || error !== undefined) tell();
  }

  function tell(): void {
    const fields = { sink, failed, dropped, ...(error === undefined ? {} : { error }) };
    failed = 0;
    dropped = 0;
    error = undefined;
    timer = setTimeout(flush, tellEveryMs);
    // A process that has nothing else to do may end.
    timer.unref();
    const why = fields.error === undefined ? '' : ` (${fields.error})`;
    logger.warn(fields, `audit sink ${sink}: ${fields.failed} lines failed${why}, ${fields.dropped} were dropped`);
  }

  return {
    failed: (lines, thrown) => {
      failed += lines;
      error = messageOf(thrown);
      if (timer === undefined) tell();
    },
    dropped: (lines) => {
      dropped += lines;
      if (timer === undefined) tell();
    },
    flush: () => {
      flush();
      clearTimeout(timer);
    },
  };
}
