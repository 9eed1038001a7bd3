import { expect, test } from 'vitest';
import { windowAt } from '../../activities/account-window.ts';
import type { Period } from '../../src/core/account-input.ts';

const at = (text: string): number => Date.parse(text);

test.each<[Period, string, string, string, string]>([
  ['hour', 'UTC', '2026-05-04T10:59:59.999Z', '2026-05-04T10:00:00.000Z', '2026-05-04T11:00:00.000Z'],
  ['hour', 'Asia/Kolkata', '2026-05-04T10:40:00.000Z', '2026-05-04T10:30:00.000Z', '2026-05-04T11:30:00.000Z'],
  ['day', 'UTC', '2026-05-04T00:00:00.000Z', '2026-05-04T00:00:00.000Z', '2026-05-05T00:00:00.000Z'],
  ['day', 'Europe/Berlin', '2026-05-04T21:59:59.999Z', '2026-05-03T22:00:00.000Z', '2026-05-04T22:00:00.000Z'],
  // Clocks go forward: 23 hours; and back: 25.
  ['day', 'Europe/Berlin', '2026-03-29T12:00:00.000Z', '2026-03-28T23:00:00.000Z', '2026-03-29T22:00:00.000Z'],
  ['day', 'Europe/Berlin', '2026-10-25T12:00:00.000Z', '2026-10-24T22:00:00.000Z', '2026-10-25T23:00:00.000Z'],
  ['month', 'Europe/Berlin', '2026-03-15T00:00:00.000Z', '2026-02-28T23:00:00.000Z', '2026-03-31T22:00:00.000Z'],
  ['month', 'America/New_York', '2026-12-31T23:00:00.000Z', '2026-12-01T05:00:00.000Z', '2027-01-01T05:00:00.000Z'],
  // Midnight is left out in Beirut when clocks go forward: the day begins at one.
  ['day', 'Asia/Beirut', '2026-03-29T12:00:00.000Z', '2026-03-28T22:00:00.000Z', '2026-03-29T21:00:00.000Z'],
  // Samoa left a whole day out.
  ['day', 'Pacific/Apia', '2011-12-30T09:00:00.000Z', '2011-12-29T10:00:00.000Z', '2011-12-30T10:00:00.000Z'],
  ['month', 'Pacific/Kiritimati', '2026-01-31T12:00:00.000Z', '2026-01-31T10:00:00.000Z', '2026-02-28T10:00:00.000Z'],
])('the %s in %s at %s', (per, timeZone, now, from, to) => {
  expect(windowAt(per, timeZone, at(now))).toEqual({ startMs: at(from), endMs: at(to) });
});

test('all time has no end, and there is no time zone of any name', () => {
  expect(windowAt('total', 'UTC', 1)).toEqual({ startMs: 0, endMs: null });
  expect(() => windowAt('day', 'Mars/Olympus', 1)).toThrow(RangeError);
});

test.each([
  'Europe/Berlin',
  'America/St_Johns',
  'America/Havana',
  'Australia/Lord_Howe',
  'Africa/Cairo',
  'Asia/Beirut',
])('days, hours and months of %s follow one another, without a gap', (timeZone) => {
  for (const per of ['hour', 'day', 'month'] as const) {
    const steps = { hour: 24 * 8, day: 800, month: 30 }[per];
    let window = windowAt(per, timeZone, at(per === 'hour' ? '2026-03-26T00:00:00Z' : '2009-01-01T00:00:00Z'));
    for (let index = 0; index < steps; index++) {
      const endMs = window.endMs ?? 0;
      const next = windowAt(per, timeZone, endMs);
      expect(next.startMs).toBeLessThanOrEqual(endMs);
      expect(next.endMs).toBeGreaterThan(endMs);
      if (per !== 'hour') expect(next.startMs).toBe(endMs);
      window = next;
    }
  }
});
