import { AegrailError, messageOf } from '../core/errors.ts';
import type { AuditRecord } from '../core/record.ts';
import { runIdsOf } from '../core/run-ids.ts';
import { foldLog, type StoredLog } from '../core/stored-log.ts';
import type { Store } from '../store/store.ts';
import { closeLog } from './close-log.ts';
import { closingOf } from './closing.ts';

/** What reconciling needs of Temporal. */
export interface SessionsInTemporal {
  /** Ids of sessions whose last run is closed. */
  closed(): AsyncIterable<string>;
  /** `unknown`: Temporal has no workflow of that id, or not any more. */
  stateOf(sessionId: string): Promise<'running' | 'closed' | 'unknown'>;
  /** The histories of all runs that made the session's log, the first one first. */
  histories(sessionId: string): Promise<readonly unknown[]>;
  /** The records that those runs made. */
  regenerate(histories: readonly unknown[], sessionId: string): Promise<readonly AuditRecord[]>;
}

/** What was found of a session, and done. */
export type Reconciled =
  /** Nothing was to be done: it runs. */
  | { readonly sessionId: string; readonly found: 'running' }
  /** It failed before it was opened: there is nothing to write down. */
  | { readonly sessionId: string; readonly found: 'never_opened' }
  /** Its log has its end now. `appended` records were missing; `terminated`: the last of them is `session_terminated`. */
  | {
      readonly sessionId: string;
      readonly found: 'closed';
      readonly appended: number;
      readonly terminated: boolean;
    }
  /** Temporal does not know it, and it was not asked to close those. */
  | { readonly sessionId: string; readonly found: 'unknown' }
  | { readonly sessionId: string; readonly found: 'problem'; readonly why: string };

/** How far reconciling goes. */
export interface ReconcileOptions {
  /** Close sessions that Temporal does not know too. Only whoever is sure to ask the right server and namespace may. */
  readonly closeUnknown: boolean;
}

/**
 * Finds sessions that ended without their end in the store, and closes their logs from history. Safe to run again, and beside
 * live sessions: the store takes no record that does not follow from what it has.
 */
export async function* reconcile(
  store: Store,
  temporal: SessionsInTemporal,
  options: ReconcileOptions,
): AsyncGenerator<Reconciled, void, undefined> {
  const seen = new Set<string>();
  for await (const { sessionId } of store.sessions({ open: true, order: 'oldest' })) {
    seen.add(sessionId);
    yield await guarded(sessionId, () => reconcileOne(store, temporal, sessionId, options));
  }
  for await (const sessionId of temporal.closed()) {
    if (seen.has(sessionId) || (await store.record(sessionId, 0))) continue;
    seen.add(sessionId);
    yield await guarded(sessionId, () => fromHistory(store, temporal, sessionId));
  }
}

async function guarded(sessionId: string, work: () => Promise<Reconciled>): Promise<Reconciled> {
  try {
    return await work();
  } catch (thrown) {
    // A store or a server that is away is not about this session.
    if (thrown instanceof AegrailError && ['AUDIT_UNAVAILABLE', 'SERVER_UNREACHABLE'].includes(thrown.code))
      throw thrown;
    return { sessionId, found: 'problem', why: messageOf(thrown) };
  }
}

async function reconcileOne(
  store: Store,
  temporal: SessionsInTemporal,
  sessionId: string,
  { closeUnknown }: ReconcileOptions,
): Promise<Reconciled> {
  const state = await temporal.stateOf(sessionId);
  if (state === 'running') return { sessionId, found: 'running' };
  if (state === 'closed') return fromHistory(store, temporal, sessionId);
  return closeUnknown ? close(store, sessionId, { closing: null, known: null }, 0) : { sessionId, found: 'unknown' };
}

/** Appends what history has and the store has not. */
async function fromHistory(store: Store, temporal: SessionsInTemporal, sessionId: string): Promise<Reconciled> {
  const histories = await temporal.histories(sessionId);
  const last = histories.at(-1);
  const records = await temporal.regenerate(histories, sessionId);
  if (records.length === 0) return { sessionId, found: 'never_opened' };
  const { added } = await store.append(sessionId, records);
  return close(store, sessionId, { closing: closingOf(last, runIdsOf(last).own), known: records.length }, added.length);
}

async function close(
  store: Store,
  sessionId: string,
  { closing, known }: { readonly closing: ReturnType<typeof closingOf>; readonly known: number | null },
  appended: number,
): Promise<Reconciled> {
  const log: StoredLog | null = await foldLog(store.records(sessionId));
  const first = await store.record(sessionId, 0);
  if (!log || !first) return { sessionId, found: 'never_opened' };
  if (log.state.ended) return { sessionId, found: 'closed', appended, terminated: false };
  // More than its histories gave: it was reset meanwhile, and runs.
  if (known !== null && log.state.nextSeq !== known) return { sessionId, found: 'running' };
  const { added } = await store.append(sessionId, closeLog(first, log, closing));
  return { sessionId, found: 'closed', appended: appended + added.length, terminated: true };
}
