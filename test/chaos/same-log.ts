import { lineOf } from '../../src/core/chain.ts';
import type { ChainedRecord } from '../../src/core/record.ts';
import type { fetchHistories } from '../../src/temporal/histories.ts';

/** The histories of all runs of a session. */
export type Histories = Awaited<ReturnType<typeof fetchHistories>>;

/** How the log that a session's history gives compares to that of the store. */
export type Comparison =
  | { readonly is: 'same' }
  /** The same records, some at another moment, which a workflow task that was not completed may cause. */
  | { readonly is: 'at other moments'; readonly what: string }
  | { readonly is: 'another'; readonly what: string };

/**
 * Compares the log that the history gives with that of the store. One difference is told from all others: Temporal's SDK may hand a
 * worker that does not know the session the events of a workflow task that scheduled nothing together with the next one, and an update;
 * a replay gets them one after the other (https://github.com/temporalio/sdk-python/issues/1591). Then a record has another moment, and
 * no record another content. A worker gets a session that it does not know when the one before has let a task of it fall, so that is
 * believed of a history alone which has a workflow task that timed out or failed.
 */
export function compareLogs(
  again: readonly string[],
  records: readonly ChainedRecord[],
  histories: Histories,
): Comparison {
  const stored = records.map((record) => lineOf(record));
  const at = Array.from({ length: Math.max(again.length, stored.length) }, (_, index) => index).find(
    (index) => again[index] !== stored[index],
  );
  if (at === undefined) return { is: 'same' };
  const lost = lostTasks(histories);
  const lines = `the history says ${again[at] ?? 'nothing'}, the store says ${stored[at] ?? 'nothing'}`;
  if (contentOf(again) === contentOf(stored)) {
    const made = again.map((line) => momentOf(JSON.parse(line) as ChainedRecord));
    const moments = records.filter((record, index) => momentOf(record) !== made[index]).length;
    const what = `${moments} of ${stored.length} records are at other moments; of its workflow tasks ${lost} timed out or failed`;
    return lost > 0 ? { is: 'at other moments', what } : { is: 'another', what: `${what}: ${lines}` };
  }
  const what = `the log that the history gives (${again.length} records) is not that of the store (${stored.length}): ${lines}`;
  return { is: 'another', what };
}

/** How many workflow tasks of a session were begun, or waited for, and not completed. */
function lostTasks(histories: Histories): number {
  return histories
    .flatMap(({ events }) => events ?? [])
    .filter((event) => event.workflowTaskTimedOutEventAttributes ?? event.workflowTaskFailedEventAttributes).length;
}

/** When a record was made, by its history. */
function momentOf({ ts, event_id }: ChainedRecord): string {
  return `${ts} ${event_id}`;
}

/** A log without its moments: what is in them, and the hashes, are of the same records. */
function contentOf(lines: readonly string[]): string {
  return JSON.stringify(
    lines.map((line) => {
      const {
        ts: _ts,
        event_id: _id,
        hash: _hash,
        prev_hash: _prev,
        budget,
        payload,
        ...content
      } = JSON.parse(line) as ChainedRecord;
      const lasted = 'elapsed_ms' in payload ? { elapsed_ms: 0 } : {};
      return { ...content, budget: { ...budget, wall_elapsed: 0 }, payload: { ...payload, ...lasted } };
    }),
  );
}
