import { createHash } from 'node:crypto';
import type { Sha256 } from '../core/chain.ts';
import { CSV_HEADER, csvRow } from './csv.ts';
import { jsonRecord } from './json-record.ts';
import { ocsfEvent, type OcsfLink } from './ocsf.ts';

/** The formats that are one stream of lines. */
export const LINE_FORMATS = ['jsonl', 'csv', 'ocsf', 'otlp'] as const;

/** One of {@link LINE_FORMATS}. */
export type LineFormat = (typeof LINE_FORMATS)[number];

type Lines = AsyncGenerator<string, void, undefined>;

const sha256: Sha256 = (text) => createHash('sha256').update(text).digest('hex');

/**
 * Stored lines in another format: lines again, without their LF. Those of one session follow each other.
 * Nothing comes before the first stored line: what selects nothing writes nothing.
 */
export function formatLines(format: LineFormat, lines: Lines): Lines {
  switch (format) {
    case 'jsonl':
      return lines;
    case 'csv':
      return csvLines(lines);
    case 'ocsf':
      return ocsfLines(lines);
    case 'otlp':
      return otlpLines(lines);
    default:
      return format satisfies never;
  }
}

async function* otlpLines(lines: Lines): Lines {
  // Loaded when it is used.
  const otlp = await import('./otlp-lines.ts');
  yield* otlp.otlpLines(lines);
}

async function* csvLines(lines: Lines): Lines {
  let isFirst = true;
  for await (const line of lines) {
    // Lines of RFC 4180 end in CR LF.
    if (isFirst) yield `${CSV_HEADER}\r`;
    isFirst = false;
    yield `${csvRow(jsonRecord(line))}\r`;
  }
}

async function* ocsfLines(lines: Lines): Lines {
  let session: string | null = null;
  let previous: OcsfLink | null = null;
  for await (const line of lines) {
    const record = jsonRecord(line);
    if (record.session_id !== session) previous = null;
    session = record.session_id;
    const { text, link } = ocsfEvent(record, previous, sha256);
    previous = link;
    yield text;
  }
}
