import { endsSession, LAST_EVENTS } from '../core/ends-session.ts';
import { inPages, PAGE_ROWS } from './pages.ts';
import type { SessionQuery, SessionRow } from './tree-store.ts';

/** A row of a database, by column. */
export type Row = Readonly<Record<string, unknown>>;

/** How a database takes statements and texts. */
export interface Dialect {
  /** The table of sessions. */
  readonly sessions: string;
  /** What stands for a statement's value, counted from 1. */
  readonly mark: (position: number) => string;
  readonly toText: (text: string) => string;
  readonly fromText: (text: string) => string;
  readonly ask: (statement: string, values: readonly (string | number)[]) => Promise<readonly Row[]>;
}

/** What {@link sessionRow} needs of a row, with `number`: the order in which sessions were inserted. */
export const SESSION_COLUMNS = `number, session_id, agent_identity, invoking_user, started, last_seq, last_hash, last_ts,
  last_event, sealed_seq`;

/** A condition: the last record does not leave the session open. */
export const IS_ENDED = `last_event IN (${LAST_EVENTS.map((event) => `'${event}'`).join(', ')})`;

/** A session from its row. */
export function sessionRow(row: Row, fromText: (text: string) => string): SessionRow {
  const text = (column: string): string => fromText(String(row[column]));
  return {
    sessionId: text('session_id'),
    agentIdentity: text('agent_identity'),
    invokingUser: text('invoking_user'),
    started: text('started'),
    lastSeq: Number(row['last_seq']),
    lastHash: String(row['last_hash']),
    lastTs: text('last_ts'),
    ended: endsSession(text('last_event')),
    sealedSeq: Number(row['sealed_seq']),
  };
}

/** The sessions of a query, by start and then in the order in which they were inserted; a page at a time. */
export function selectSessions(dialect: Dialect, query: SessionQuery): AsyncGenerator<SessionRow, void, undefined> {
  const { sessions, mark, ask } = dialect;
  const direction = query.order === 'oldest' ? 'ASC' : 'DESC';
  let left = Math.max(0, query.limit ?? Infinity);
  async function read(after: Row | undefined): Promise<readonly Row[]> {
    const family = familyOf(query, dialect);
    const conditions = [...filters(query, dialect), ...(after === undefined ? [] : [isAfter(after, direction)])];
    const where = conditions.length === 0 ? '' : `WHERE ${conditions.map(({ sql }) => `(${sql})`).join(' AND ')}`;
    const statement = `${family?.sql ?? ''} SELECT ${SESSION_COLUMNS} FROM ${family ? 'family' : sessions} ${where}
      ORDER BY started ${direction}, number ${direction} LIMIT ?`;
    const selected = [...(family ? [family] : []), ...conditions].flatMap(({ values }) => values);
    const values = [...selected, Math.min(left, PAGE_ROWS)];
    let position = 0;
    const rows = await ask(
      statement.replaceAll('?', () => mark(++position)),
      values,
    );
    left -= rows.length;
    return rows;
  }
  return inPages(read, (row) => sessionRow(row, dialect.fromText));
}

/** A part of a statement in SQL, with `?` for each of its values. */
interface Condition {
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

/**
 * A session and those below it, as a table that the rest of a statement reads; null when they are not asked for. It is made
 * for itself, from the index of ids: asked for in order of start, and a page of them, a database may take the index of starts
 * instead, and go through the whole store. Ids that begin with an id and "." are before that id and "/", which follows ".".
 */
function familyOf({ sessionId, below }: SessionQuery, { sessions, toText }: Dialect): Condition | null {
  if (sessionId === undefined || !below) return null;
  const from = `SELECT ${SESSION_COLUMNS} FROM ${sessions} WHERE`;
  return {
    sql: `WITH family AS MATERIALIZED (
        ${from} session_id = ? UNION ALL ${from} session_id >= ? AND session_id < ?
      )`,
    values: [sessionId, `${sessionId}.`, `${sessionId}/`].map(toText),
  };
}

function filters({ sessionId, below, ...query }: SessionQuery, { toText }: Dialect): Condition[] {
  const { agent, user, since, until, open } = query;
  const when = (sql: string, ...texts: readonly (string | undefined)[]): Condition[] =>
    texts.includes(undefined) ? [] : [{ sql, values: texts.map((text) => toText(text ?? '')) }];
  return [
    ...(below ? [] : when('session_id = ?', sessionId)),
    ...(agent === undefined ? [] : when(IS_AGENT, agent, `${agent}/`, `${agent}0`)),
    ...when('invoking_user = ?', user),
    ...when('last_ts >= ?', since),
    ...when('started < ?', until),
    ...(open ? when(`NOT ${IS_ENDED}`) : []),
  ];
}

/** An identity itself, or one that begins with a name and "/": then it is before the name and "0", which follows "/". */
const IS_AGENT = 'agent_identity = ? OR agent_identity >= ? AND agent_identity < ?';

/** The rows after one, in a direction. */
function isAfter(row: Row, direction: 'ASC' | 'DESC'): Condition {
  const values = [String(row['started']), Number(row['number'])];
  return { sql: `(started, number) ${direction === 'ASC' ? '>' : '<'} (?, ?)`, values };
}
