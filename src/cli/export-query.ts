import { InvalidArgumentError } from 'commander';
import type { BundleQuery } from '../audit/bundle-format.ts';
import { AegrailError } from '../core/errors.ts';

/** Which sessions, as options of a command line. Times are as records have them. */
export interface QueryOptions {
  readonly session?: string;
  readonly tree?: true;
  readonly since?: string;
  readonly until?: string;
  readonly agent?: string;
  readonly user?: string;
  readonly all?: true;
}

const DAY = /^\d{4}-\d{2}-\d{2}$/;
const TIME = /^(\d{4}-\d{2}-\d{2})T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/;
const DAY_MS = 86_400_000;

const WRONG_TIME =
  'It must be a time with its zone, such as 2026-01-31T12:00:00Z or 2026-01-31T13:00+01:00, or a day (UTC), such as 2026-01-31.';

/** `--since`: a day means its beginning. @returns the time as records have it */
export function sinceTime(text: string): string {
  return timeOf(text, 0);
}

/** `--until`: a day is meant with all of it. @returns the time as records have it */
export function untilTime(text: string): string {
  return timeOf(text, DAY_MS);
}

/**
 * The query that a command line means.
 *
 * @param id the positional short form of `--session`
 * @throws AegrailError INPUT_INVALID when it means none, or several
 */
export function queryOf(id: string | undefined, options: QueryOptions): BundleQuery {
  const { session = id, tree, since, until, agent, user, all } = options;
  if (id !== undefined && session !== id) throw invalid('Give the session once: as the argument, or with --session.');
  if (tree && session === undefined)
    throw invalid('--tree is a session with all below it: name the session, as the argument or with --session.');
  const query: BundleQuery = {
    ...(session === undefined ? {} : { session }),
    ...(tree ? { below: true } : {}),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
    ...(agent === undefined ? {} : { agent }),
    ...(user === undefined ? {} : { user }),
  };
  const isEmpty = Object.keys(query).length === 0;
  if (isEmpty && !all)
    throw invalid('Say which sessions: --session ID, --since TIME, --until TIME, --agent NAME, --user USER, or --all.');
  if (!isEmpty && all) throw invalid('--all is every session: leave it out, or what selects some of them.');
  if (since !== undefined && until !== undefined && since >= until)
    throw invalid(`There is nothing between --since (${since}) and --until (${until}): the first must be earlier.`);
  return query;
}

function timeOf(text: string, dayMs: number): string {
  const day = DAY.test(text) ? text : TIME.exec(text)?.[1];
  // Date.parse takes a 30th of February for a 2nd of March.
  if (day === undefined || !isDay(day)) throw new InvalidArgumentError(WRONG_TIME);
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw new InvalidArgumentError(WRONG_TIME);
  return new Date(ms + (day === text ? dayMs : 0)).toISOString();
}

function isDay(day: string): boolean {
  const ms = Date.parse(day);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(day);
}

function invalid(message: string): AegrailError {
  return new AegrailError('INPUT_INVALID', message);
}
