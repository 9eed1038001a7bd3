import { AegrailError } from './errors.ts';
import { parseStartInput, type StartInput } from './start-input.ts';

/** What a schedule does while a session that it started earlier still runs. */
export const OVERLAPS = ['skip', 'buffer_one', 'allow_all'] as const;
export type Overlap = (typeof OVERLAPS)[number];

/** When a schedule starts sessions, and with what. */
export interface ScheduleInput {
  /** Five to seven fields of cron, or Temporal's `@every 1h`, `@daily`. */
  readonly cron: string;
  /** IANA name, such as Europe/Berlin. UTC when left out. */
  readonly timezone?: string;
  /** `skip` when left out. */
  readonly overlap?: Overlap;
  /** Made, but not begun. */
  readonly paused?: boolean;
  /** What each session is started with. */
  readonly start: StartInput;
}

/** A schedule that was checked. */
export type CheckedSchedule = Required<ScheduleInput>;

/** It is a part of each session's id. */
const NAME = /^[\w.-]{1,200}$/;
const MAX_CRON = 256;

/** Checks a schedule's name. @throws AegrailError INPUT_INVALID */
export function parseScheduleName(name: string): string {
  if (NAME.test(name)) return name;
  throw invalidSchedule('its name must be 1 to 200 letters, digits and any of _ . -');
}

/**
 * Checks a schedule before anything is sent. What a cron expression means is the server's to say.
 *
 * @throws AegrailError INPUT_INVALID with what is wrong and what would be right
 */
export function parseSchedule({ cron, timezone, overlap, paused, start }: ScheduleInput): CheckedSchedule {
  if (typeof cron !== 'string' || cron.trim() === '' || cron.length > MAX_CRON || /\p{Cc}/u.test(cron))
    throw invalidSchedule(`cron must be one line of at most ${MAX_CRON} characters, such as "0 9 * * 1-5"`);
  if (/(^|\s)(CRON_)?TZ=/.test(cron)) throw invalidSchedule('a time zone is given apart from cron, with its timezone');
  if (overlap !== undefined && !OVERLAPS.includes(overlap))
    throw invalidSchedule(`overlap must be one of ${OVERLAPS.join(', ')}`);
  return {
    cron: cron.trim(),
    timezone: parseTimezone(timezone ?? 'UTC'),
    overlap: overlap ?? 'skip',
    paused: paused ?? false,
    start: parseStartInput(start),
  };
}

/** The error of a schedule that can not be. */
export function invalidSchedule(why: string, cause?: unknown): AegrailError {
  return new AegrailError('INPUT_INVALID', `The schedule is invalid: ${why}.`, { cause });
}

function parseTimezone(timezone: string): string {
  try {
    // An offset is a time zone to JavaScript, and none to Temporal.
    if (/^[A-Za-z]/.test(timezone))
      return new Intl.DateTimeFormat('en', { timeZone: timezone }).resolvedOptions().timeZone;
  } catch {
    // Said below.
  }
  const shown = JSON.stringify(timezone.slice(0, 64));
  throw invalidSchedule(`${shown} is no time zone; it must be an IANA name, such as Europe/Berlin or UTC`);
}
