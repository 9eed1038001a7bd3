import { callFailure } from './failure.ts';
import type { AccountWindow } from '../src/core/account-book.ts';
import type { Period } from '../src/core/account-input.ts';
import type { WindowCall } from '../src/core/account-calls.ts';
import type { Envelope } from '../src/calls.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Says when a window of an account begins and ends: by this machine's time zones, so it is written into history. */
export function accountWindow({ call }: Envelope<WindowCall>): AccountWindow {
  const { per, timeZone, atMs } = call;
  try {
    return windowAt(per, timeZone, atMs);
  } catch (thrown) {
    if (!(thrown instanceof RangeError)) throw thrown;
    const message = `There is no time zone ${timeZone}. Give one such as Europe/Berlin.`;
    throw callFailure('INPUT_INVALID', 'INPUT_INVALID', message, { started: 'no' });
  }
}

/**
 * The window that holds a time: the hour, day or month by the clocks of a time zone, whatever daylight saving makes of it. A
 * day has 23 or 25 hours then; an hour that clocks show twice is two windows.
 *
 * @throws RangeError for a time zone that is none
 */
export function windowAt(per: Period, timeZone: string, atMs: number): AccountWindow {
  if (per === 'total') return { startMs: 0, endMs: null };
  const clock = clockOf(timeZone);
  const local = clock(atMs);
  if (per === 'hour') {
    const startMs = Math.floor(local / HOUR_MS) * HOUR_MS - (local - atMs);
    return { startMs, endMs: startMs + HOUR_MS };
  }
  const date = new Date(local);
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()];
  const [from, to] =
    per === 'day'
      ? [Date.UTC(year, month, day), Date.UTC(year, month, day + 1)]
      : [Date.UTC(year, month, 1), Date.UTC(year, month + 1, 1)];
  const starts = instantsOf(clock, from).filter((instant) => instant <= atMs);
  const ends = instantsOf(clock, to).filter((instant) => instant > atMs);
  return { startMs: starts.at(-1) ?? atMs, endMs: ends[0] ?? atMs + HOUR_MS };
}

/** What the clocks of a zone show, as if it were UTC. */
type Clock = (atMs: number) => number;

function clockOf(timeZone: string): Clock {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    era: 'short',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  return (atMs) => {
    const parts = Object.fromEntries(format.formatToParts(atMs).map(({ type, value }) => [type, value]));
    const of = (name: string): number => Number(parts[name]);
    const shown = Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second'));
    return shown + (((atMs % 1000) + 1000) % 1000);
  };
}

/** When the clocks show a time: once, twice where they are put back, and where they leave it out, the moment they do. */
function instantsOf(clock: Clock, local: number): number[] {
  const offsets = [-DAY_MS, DAY_MS].map((aside) => clock(local + aside) - (local + aside));
  const guesses = [...new Set(offsets.map((offset) => local - offset))].toSorted((a, b) => a - b);
  const shown = guesses.filter((instant) => clock(instant) === local);
  return shown.length > 0 ? shown : [leapOver(clock, local, guesses[0] ?? local, guesses.at(-1) ?? local)];
}

/** The first moment at which the clocks show more than a time that they leave out. */
function leapOver(clock: Clock, local: number, fromMs: number, toMs: number): number {
  let [before, after] = [fromMs, toMs];
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (clock(middle) >= local) after = middle;
    else before = middle;
  }
  return after;
}
