/**
 * Times as records have them: `2026-01-31T12:00:00.000Z`. By digits, and not by a regular expression and Date.parse: a
 * verifier reads one of each record, and these take a third of the time.
 */

const ZERO = 0x30;
const NINE = 0x39;
const TEMPLATE = '0000-00-00T00:00:00.000Z';
const DAYS_OF_MONTH: readonly number[] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const FEBRUARY = 2;
/** `Date.UTC` takes smaller years for those of the last century. */
const FIRST_PLAIN_YEAR = 100;

/** Whether a value is a time: UTC, three decimals, a day of the calendar, years 0001 to 9999, no leap seconds. */
export function isTime(value: unknown): value is string {
  if (typeof value !== 'string' || value.length !== TEMPLATE.length) return false;
  for (let at = 0; at < TEMPLATE.length; at++) {
    const unit = value.charCodeAt(at);
    const right = TEMPLATE.charCodeAt(at);
    if (right === ZERO ? unit < ZERO || unit > NINE : unit !== right) return false;
  }
  const [month, day] = [pair(value, 5), pair(value, 8)];
  const isDay = day >= 1 && day <= daysOf(yearOf(value), month);
  return isDay && yearOf(value) > 0 && pair(value, 11) <= 23 && pair(value, 14) <= 59 && pair(value, 17) <= 59;
}

/** Milliseconds since the epoch of a time whose form was checked: what Date.parse gives. */
export function timeMs(time: string): number {
  const year = yearOf(time);
  if (year < FIRST_PLAIN_YEAR) return Date.parse(time);
  const milliseconds = digit(time, 20) * 100 + pair(time, 21);
  return Date.UTC(year, pair(time, 5) - 1, pair(time, 8), pair(time, 11), pair(time, 14), pair(time, 17), milliseconds);
}

/** Days of a month from 1 to 12; 0 of any other. */
function daysOf(year: number, month: number): number {
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return month === FEBRUARY && isLeap ? 29 : (DAYS_OF_MONTH[month - 1] ?? 0);
}

function yearOf(time: string): number {
  return pair(time, 0) * 100 + pair(time, 2);
}

function pair(text: string, at: number): number {
  return digit(text, at) * 10 + digit(text, at + 1);
}

function digit(text: string, at: number): number {
  return text.charCodeAt(at) - ZERO;
}
