import type { Client } from '@temporalio/client';

/** A workflow's history, as the client gives it. */
export type History = Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['fetchHistory']>>;

/** How the history of a conversation grows, in bytes as the server counts them. */
export interface Growth {
  /** Of all runs together, after each turn. */
  readonly totals: readonly number[];
  /** That each turn added; a turn that goes over to another run is left out. */
  readonly perTurn: readonly number[];
  readonly runs: number;
}

/** A turn ends where the next model call is scheduled: counted is the history up to the workflow task that does it. */
export function growthOf(histories: readonly History[], modelCall: string): Growth {
  const totals: number[] = [];
  const perTurn: number[] = [];
  let before = 0;
  for (const { events } of histories) {
    let size = 0;
    let last: number | null = null;
    for (const event of events ?? []) {
      const bytes = Number(event.workflowTaskStartedEventAttributes?.historySizeBytes ?? 0);
      if (bytes > 0) size = bytes;
      if (event.activityTaskScheduledEventAttributes?.activityType?.name !== modelCall) continue;
      if (last !== null) perTurn.push(size - last);
      if (last !== null || before > 0) totals.push(before + size);
      last = size;
    }
    before += size;
  }
  return { totals, perTurn, runs: histories.length };
}
