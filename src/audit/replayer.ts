import type { PayloadCodec } from '@temporalio/common';
import { type ReplayResult, type ReplayWorkerOptions, Worker } from '@temporalio/worker';
import { dataConverter } from '../bundle/workflow-file.ts';
import type { AuditRecord } from '../core/record.ts';
import { RECORD_SINK } from '../protocol.ts';

/** Replays workflow histories with one worker, one after the other: to make a worker costs more than to replay a session. */
export interface Replayer {
  /**
   * Replays the history of one run.
   *
   * @returns the records that it made, in order, those too that it took back when it found that it was reset
   * @throws whatever says that this history is not one of this code
   */
  replay(history: unknown, sessionId: string): Promise<AuditRecord[]>;
  /** Lets go of the worker. */
  close(): Promise<void>;
}

interface ToReplay {
  readonly history: unknown;
  readonly workflowId: string;
}

/** Makes a replayer; its worker is made with the first history. */
export function createReplayer(workflowBundle: { readonly code: string }, codec?: PayloadCodec): Replayer {
  let next: ToReplay | null = null;
  let made: AuditRecord[] = [];
  let results: AsyncIterableIterator<ReplayResult> | null = null;
  let last: Promise<unknown> = Promise.resolve();

  const options: ReplayWorkerOptions = {
    workflowBundle,
    dataConverter: dataConverter(codec),
    sinks: {
      [RECORD_SINK]: {
        made: { fn: (_info, record) => void made.push(record as AuditRecord), callDuringReplay: true },
      },
    },
  };
  /** Asked for the next history when, and only when, a result is asked for. */
  async function* given(): AsyncGenerator<ToReplay> {
    for (;;) {
      if (!next) return;
      yield next;
    }
  }
  async function letGo(): Promise<void> {
    const before = results;
    [next, results] = [null, null];
    await before?.return?.();
  }
  async function one(history: unknown, workflowId: string): Promise<AuditRecord[]> {
    [next, made] = [{ history, workflowId }, []];
    results ??= Worker.runReplayHistories(options, given());
    try {
      const result = await results.next();
      if (result.done) throw new Error('the replay worker ended');
      if (result.value.error) throw result.value.error;
      return made;
    } catch (thrown) {
      // What broke it does not break the next one.
      await letGo().catch(() => {});
      throw thrown;
    }
  }

  return {
    replay(history, sessionId) {
      const after = last.then(() => one(history, sessionId));
      last = after.catch(() => {});
      return after;
    },
    async close() {
      await last;
      await letGo();
    },
  };
}
