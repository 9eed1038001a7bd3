import { AegrailError } from '../core/errors.ts';
import { keywordOf, SEARCH_ATTRIBUTES, type Searchable } from '../core/searchable.ts';
import { SESSION_WORKFLOW } from '../protocol.ts';
import type { ListedSession } from './session-state.ts';

/** What Temporal calls the runs that may be in each state. A session that was killed completed, or failed if it was to. */
const STATUSES = {
  running: ['Running'],
  answered: ['Completed'],
  killed: ['Completed', 'Failed'],
  cancelled: ['Canceled'],
  failed: ['Failed'],
  terminated: ['Terminated'],
  'timed out': ['TimedOut'],
} as const satisfies Readonly<Record<ListedSession['state'], readonly string[]>>;

/** What a session that runs may wait for, which only its search attribute tells. */
const WAITS = ['idle', 'approval', 'budget', 'paused'] as const;

type ListedState = keyof typeof STATUSES | (typeof WAITS)[number];

/** What may be asked for. */
export const LISTED_STATES = ['running', ...WAITS, ...Object.keys(STATUSES).slice(1)] as ListedState[];

/** Which sessions are wanted. */
export interface SessionFilter {
  readonly agent?: string;
  readonly user?: string;
  readonly state?: ListedState;
}

/**
 * The query that lists no session too few. It may list some too many, which {@link fits} leaves out: sessions that began
 * before the search attributes were registered have none.
 *
 * @throws AegrailError SEARCH_ATTRIBUTES_REFUSED for a state that only an attribute tells which is not there
 */
export function sessionQuery({ agent, user, state }: SessionFilter, searchable: readonly Searchable[]): string {
  // A session that went on in another run is the last of them.
  const parts = [`WorkflowType="${SESSION_WORKFLOW}"`, 'ExecutionStatus!="ContinuedAsNew"'];
  for (const [name, value] of [['agent', agent] as const, ['user', user] as const]) {
    if (value === undefined || !searchable.includes(name) || !isQueryable(value)) continue;
    const attribute = SEARCH_ATTRIBUTES[name];
    parts.push(`(${attribute}="${keywordOf(value)}" OR ${attribute} IS NULL)`);
  }
  if (state !== undefined && isWait(state)) {
    if (!searchable.includes('state')) throw notSearchable(state);
    parts.push(`${SEARCH_ATTRIBUTES.state}="${state}"`, 'ExecutionStatus="Running"');
  } else if (state !== undefined) {
    parts.push(`(${STATUSES[state].map((status) => `ExecutionStatus="${status}"`).join(' OR ')})`);
  }
  return parts.join(' AND ');
}

/** Whether a session that was listed is wanted. */
export function fits(row: ListedSession, { agent, user, state }: SessionFilter): boolean {
  if (agent !== undefined && row.agent !== agent) return false;
  if (user !== undefined && row.user !== user) return false;
  return state === undefined || isWait(state) || row.state === state;
}

function isWait(state: ListedState): state is (typeof WAITS)[number] {
  return WAITS.some((wait) => wait === state);
}

/** Values with these are not found on SQLite, however a query quotes them. */
function isQueryable(value: string): boolean {
  return !/["\\\p{Cc}]/u.test(value);
}

function notSearchable(state: string): AegrailError {
  const how = '"aegrail search-attributes" registers them: sessions that begin from then on have them';
  return new AegrailError(
    'SEARCH_ATTRIBUTES_REFUSED',
    `Which sessions are ${state} is told by a search attribute that this namespace does not have. ${how}.`,
  );
}
