import { upsertMemo } from '@temporalio/workflow';
import type { Journal } from './journal.ts';

/**
 * Has the workflow task in which a record was made schedule something, where it would not: after a signal, and when a call ends
 * beside others. A worker that does not know the session takes a task that scheduled nothing together with the next one, where
 * an update comes with that, and a replay does not: the record would have another moment in the log than in the history (Temporal's
 * SDK 1.24, find_end_index_of_next_wft_seq of its core; https://github.com/temporalio/sdk-python/issues/1591).
 */
export function leaveTrace(journal: Journal | null): void {
  if (journal) upsertMemo({ records: journal.state().nextSeq });
}
