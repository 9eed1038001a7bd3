import { upsertMemo } from '@temporalio/workflow';
import type { Journal } from './journal.ts';

/**
 * Leaves a trace of a signal in history. A worker that does not know a session may take a workflow task that scheduled nothing
 * together with the next one, where an update comes with that: what was recorded in the first would have another time then than in a
 * replay (https://github.com/temporalio/sdk-python/issues/1591). A command of its own keeps them apart.
 */
export function heard(journal: Journal | null): void {
  if (journal) upsertMemo({ heard: journal.state().nextSeq });
}
