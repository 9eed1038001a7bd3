import type { Session } from '../../src/client.ts';
import type { ChainedRecord } from '../../src/core/record.ts';
import type { Store } from '../../src/store/store.ts';

/** A call that waits for people, as much of it as a decision needs. */
export interface Waiting {
  readonly request: string;
  readonly digest: string;
  readonly approvedBy: readonly string[];
}

/** What a session waits for. */
export interface Look {
  readonly approvals: readonly Waiting[];
  /** Whether it asks for a larger budget. */
  readonly isAsking: boolean;
}

/** How people learn what a session waits for. */
export type LookAt = (session: Session) => Promise<Look>;

/** From the query `session`, as the command line does. */
export const lookByQuery: LookAt = async (session) => {
  const { approvals, doing } = await session.view();
  return { approvals, isAsking: doing.includes('a larger budget') };
};

/**
 * From the log. Temporal's SDK (1.24) may have a query that waited for a worker advance the session outside of a workflow
 * task, and then the log is not that of the history any more: whoever asks by queries finds that, and nothing else of it.
 */
export function lookByLog(store: Store): LookAt {
  return async ({ id }) => {
    const records = await Array.fromAsync(store.records(id));
    const open = new Map<string, Waiting>();
    for (const record of records) apply(open, record);
    const asked = records.findLastIndex(({ event }) => event === 'budget_exceeded');
    const after = records.slice(asked + 1);
    const isOver = after.some(({ event }) => event === 'budget_raised' || event === 'session_ended');
    return { approvals: [...open.values()], isAsking: asked >= 0 && !isOver };
  };
}

function apply(open: Map<string, Waiting>, record: ChainedRecord): void {
  if (record.event === 'approval_requested') {
    const { request, digest } = record.payload;
    open.set(request, { request, digest, approvedBy: [] });
  }
  if (record.event === 'approval_expired') open.delete(record.payload.request);
  if (record.event !== 'approval_decided') return;
  const { request, outcome, by } = record.payload;
  const one = open.get(request);
  if (one && outcome === 'waiting') open.set(request, { ...one, approvedBy: [...one.approvedBy, by] });
  if (outcome === 'approved' || outcome === 'denied') open.delete(request);
}
