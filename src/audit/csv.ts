import type { JsonRecord } from './json-record.ts';

/** A column: its name, and its cell of a record. What a record does not have is an empty cell. */
interface Column {
  readonly name: string;
  readonly of: (record: JsonRecord) => unknown;
}

const member = (name: string): Column => ({ name, of: (record) => record[name] });
const budget = (name: string): Column => ({ name, of: ({ budget: snapshot }) => snapshot?.[name] });

const COLUMNS: readonly Column[] = [
  ...['session_id', 'seq', 'ts', 'event', 'agent_identity', 'invoking_user', 'principal', 'run_id', 'event_id'].map(
    member,
  ),
  ...['usd_used', 'tokens_used', 'tool_calls', 'usd_reserved', 'tokens_reserved', 'tool_calls_reserved'].map(budget),
  ...['recursion_depth', 'wall_elapsed'].map(budget),
  ...['payload', 'v', 'prev_hash', 'hash'].map(member),
];

/**
 * What a spreadsheet takes for the beginning of a formula, or skips before one: OWASP's list for CSV injection. Names of
 * tools and users come from outside.
 */
const FORMULA_START = /^[=+\-@\t\r\n\0\uff1d\uff0b\uff0d\uff20]/;
const NEEDS_QUOTES = /[",\r\n]/;

/** The header of {@link csvRow}'s table, without a line end. */
export const CSV_HEADER = COLUMNS.map(({ name }) => name).join(',');

/**
 * A record as a row of RFC 4180, without a line end. Objects are JSON. A cell that a spreadsheet would run as a formula
 * begins with an apostrophe that the record does not have.
 */
export function csvRow(record: JsonRecord): string {
  return COLUMNS.map(({ of }) => quoted(guarded(textOf(of(record))))).join(',');
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function guarded(text: string): string {
  return FORMULA_START.test(text) ? `'${text}` : text;
}

function quoted(text: string): string {
  return NEEDS_QUOTES.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
