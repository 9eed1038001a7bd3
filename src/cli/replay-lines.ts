import type { Difference, Ending, Fate, WhatIf } from '../audit/what-if-report.ts';
import { formatUsd } from '../core/units.ts';
import { printable } from './text.ts';

/** What a replay under other rules found, for people: a summary, a line for each difference, and what is not known. */
export function replayLines({ was, wouldBe, differences, notes }: WhatIf): string[] {
  const summary = `as it was: ${endingOf(was)}; would have been: ${endingOf(wouldBe)}`;
  const lines = differences.map(differenceLine);
  return [
    summary,
    ...(lines.length === 0 ? ['no call would have gone another way'] : lines),
    ...notes.map((note) => `note: ${note}`),
  ].map((line) => printable(line));
}

function endingOf({ outcome, reason, seq, usdNano, toolCalls }: Ending): string {
  const calls = `${toolCalls} tool ${toolCalls === 1 ? 'call' : 'calls'}`;
  return `${outcomeOf(outcome, reason, seq)}, ${formatUsd(usdNano)}, ${calls}`;
}

function outcomeOf(outcome: Ending['outcome'], reason: string | null, seq: number | null): string {
  const at = seq === null ? '' : ` at record ${seq}`;
  switch (outcome) {
    case 'unknown':
      return `not known from record ${seq} on`;
    case 'not_opened':
      return `not opened (${reason})`;
    case 'not_ended':
      return 'not ended';
    default:
      return `${outcome}${reason === null ? '' : ` (${reason})`}${at}`;
  }
}

/** Number, time, name, what it was and would be, why: in the columns of `aegrail show`. */
function differenceLine({ seq, ts, name, was, wouldBe, why }: Difference): string {
  const where = `${String(seq).padStart(4)}  ${ts.slice(11, 23)}  ${name}`;
  return `${where}: ${fateOf(was)} -> ${fateOf(wouldBe)}: ${why}`;
}

const WORDS: Readonly<Record<Fate['what'], string>> = {
  ran: 'ran',
  denied: 'denied',
  killed: 'killed the session',
  not_tried: 'not tried',
  cut: 'cut off',
  cancelled: 'cancelled',
  not_happened: 'would not have happened',
};

function fateOf({ what, reason, usdNano }: Fate): string {
  const details = [reason, usdNano === null ? null : formatUsd(usdNano)].filter((one) => one !== null);
  return details.length === 0 ? WORDS[what] : `${WORDS[what]} (${details.join(', ')})`;
}
