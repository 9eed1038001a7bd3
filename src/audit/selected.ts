import { AegrailError } from '../core/errors.ts';
import type { Store } from '../store/store.ts';
import type { SessionQuery, SessionRow } from '../store/tree-store.ts';
import type { BundleQuery } from './bundle-format.ts';

/** What an export reads of a store. */
export type ExportStore = Pick<Store, 'sessions' | 'lines' | 'getContract' | 'tree'>;

/** What is exported. */
export interface Selection {
  readonly store: ExportStore;
  readonly query: BundleQuery;
}

/** A query as a store takes it: sessions by start, the oldest first. */
export function sessionQuery({ session, below, agent, user, since, until }: BundleQuery): SessionQuery {
  return {
    order: 'oldest',
    ...(session === undefined ? {} : { sessionId: session }),
    ...(below === undefined ? {} : { below }),
    ...(agent === undefined ? {} : { agent }),
    ...(user === undefined ? {} : { user }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
  };
}

/**
 * The selected session that started first.
 *
 * @throws AegrailError SESSION_UNKNOWN when none is selected, in words for people
 */
export async function firstSession(selection: Selection): Promise<SessionRow> {
  const first = await endOf(selection, 'oldest');
  if (first === null) throw new AegrailError('SESSION_UNKNOWN', `The store has ${noneOf(selection.query)}.`);
  return first;
}

/** Told of what is read. */
export interface Watcher {
  /** Before the lines of a session. */
  readonly onSession?: (row: SessionRow) => void;
  readonly onLine?: (line: string) => void;
}

/**
 * The lines of the selected sessions as they are stored, without newlines: session after session, by start. A record
 * that is appended meanwhile is among them or not; no session's log gets a gap by that. Sessions that start meanwhile are
 * left out: an export of a busy store would not end.
 */
export async function* selectedLines(
  selection: Selection,
  { onSession, onLine }: Watcher,
): AsyncGenerator<string, void, undefined> {
  const { store, query } = selection;
  const newest = await endOf(selection, 'newest');
  for await (const row of store.sessions(sessionQuery(query))) {
    if (newest === null || row.started > newest.started) return;
    onSession?.(row);
    for await (const line of store.lines(row.sessionId)) {
      onLine?.(line);
      yield line;
    }
  }
}

async function endOf({ store, query }: Selection, order: 'newest' | 'oldest'): Promise<SessionRow | null> {
  for await (const row of store.sessions({ ...sessionQuery(query), order, limit: 1 })) return row;
  return null;
}

function noneOf({ session, below, agent, user, since, until }: BundleQuery): string {
  const conditions = [
    agent === undefined ? '' : ` of agent ${agent}`,
    user === undefined ? '' : ` for user ${user}`,
    until === undefined ? '' : ` that started before ${until}`,
    since === undefined ? '' : ` with a record since ${since}`,
  ].filter((condition) => condition !== '');
  const which = session === undefined ? '' : ` ${session}${below ? ', nor one below it' : ''}`;
  return `no session${which}${conditions.join(' and')}`;
}
