import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { LoadedConfig } from '../config/load.ts';
import { lineOf } from '../core/chain.ts';
import type { ChainedRecord } from '../core/record.ts';
import type { Terminal } from './terminal.ts';
import { printable } from './text.ts';

/** What a replay under the same rules found: what `aegrail audit replay --json` writes. */
export interface Replayed {
  readonly sessionId: string;
  readonly records: number;
  /** `hash` of the last one. */
  readonly head: string;
  /** Whether the history is of a workflow that has ended. */
  readonly closed: boolean;
  /** Null: there was no store to compare with. */
  readonly compared: Comparison | null;
}

/** The log of the store beside the one that was made again. */
export interface Comparison {
  /** The contract file that names the store. */
  readonly contractFile: string;
  /** Of a session that has not ended: as far as both go. */
  readonly equal: boolean;
  readonly storedRecords: number;
  /** The first line that differs, from 1; null is a line that one of the two has not. */
  readonly difference: {
    readonly line: number;
    readonly stored: string | null;
    readonly history: string | null;
  } | null;
}

/**
 * The lines of a session's log as the store of a contract file has them, without newlines; none when it has not the session.
 *
 * @returns null when no worker has made that store yet
 */
export async function storedLines(
  { file, source }: LoadedConfig,
  sessionId: string,
  terminal: Terminal,
): Promise<readonly string[] | null> {
  const path = /^sqlite:(?!:memory:)(.+)$/.exec(file.store)?.[1];
  // Opening would make an empty one.
  if (path !== undefined && !existsSync(resolve(source.baseDir, path))) return null;
  const { openStore } = await import('../store/open.ts');
  const store = await openStore(file.store, source.baseDir, terminal.env, (why) => terminal.say(why));
  try {
    const lines: string[] = [];
    for await (const record of store.records(sessionId)) lines.push(lineOf(record));
    return lines;
  } finally {
    await store.close();
  }
}

/** Compares two logs. Of a session that has not ended, one of them may be further than the other. */
export function compareLogs(
  contractFile: string,
  stored: readonly string[],
  history: readonly string[],
  closed: boolean,
): Comparison {
  const most = closed ? Math.max(stored.length, history.length) : Math.min(stored.length, history.length);
  let at = 0;
  while (at < most && stored[at] === history[at]) at += 1;
  const difference = at === most ? null : { line: at + 1, stored: stored[at] ?? null, history: history[at] ?? null };
  return { contractFile, equal: difference === null, storedRecords: stored.length, difference };
}

/** Whether `audit reconcile` has ended a log: no workflow made its last records. */
export function isReconciled(lines: readonly string[] | null): boolean {
  const last = lines?.at(-1);
  return last !== undefined && (JSON.parse(last) as ChainedRecord).event === 'session_terminated';
}

/** The same for people. */
export function sameLines({ sessionId, records, head, closed, compared }: Replayed): string[] {
  const log = `${sessionId}: ${records} ${records === 1 ? 'record' : 'records'}, head ${head}`;
  const sofar = closed ? '' : '; it has not ended by this history';
  if (compared === null) return [printable(`${log}${sofar}; no store to compare with`)];
  const { contractFile, difference, storedRecords } = compared;
  if (difference === null) {
    const count = closed ? '' : `, as far as both go: the store has ${storedRecords}`;
    return [printable(`equal to the store of ${contractFile}: ${log}${sofar}${count}`)];
  }
  const { line, stored, history } = difference;
  const missing = '(no such line)';
  return [
    `line ${line} differs from the store of ${contractFile}: ${log}${sofar}`,
    `history: ${history ?? missing}`,
    `store:   ${stored ?? missing}`,
    ...(stored === null
      ? ['Where a session was ended from outside, "aegrail audit reconcile" adds what the store lacks.']
      : []),
  ].map((text) => printable(text));
}
