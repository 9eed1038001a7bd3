/** Milliseconds for a person's eyes: 840 ms, 12.5 s, 3 min 20 s, 2 h 5 min. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${Number((ms / 1_000).toFixed(1))} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 3_600) return pair(Math.floor(seconds / 60), 'min', seconds % 60, 's');
  const minutes = Math.round(seconds / 60);
  if (minutes < 2_880) return pair(Math.floor(minutes / 60), 'h', minutes % 60, 'min');
  const hours = Math.round(minutes / 60);
  return pair(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

function pair(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

/** A point in time, UTC, to the second: 2026-11-23 08:15:02. */
export function moment(date: Date): string {
  return date.toISOString().slice(0, 19).replace('T', ' ');
}

/**
 * Text of others, without what would move a terminal's cursor or change its title: a model that was hijacked must not
 * write over what a person reads. Newlines and tabs stay where `multiline` is set.
 */
export function printable(text: string, multiline = false): string {
  const bad = multiline ? /(?![\n\t])\p{Cc}/gu : /\p{Cc}/gu;
  return text.replace(bad, '\u{fffd}');
}

/**
 * Text of others with what a terminal would obey as JSON writes it, `\\u001b`: in an error it may be just what is wrong, so it is
 * to be seen. Newlines and tabs stay.
 */
export function escaped(text: string): string {
  return text.replace(/(?![\n\t])[\p{Cc}\p{Cf}\p{Cs}]/gu, (bad) =>
    Array.from({ length: bad.length }, (_, at) => `\\u${bad.charCodeAt(at).toString(16).padStart(4, '0')}`).join(''),
  );
}
