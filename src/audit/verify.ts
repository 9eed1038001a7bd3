import { hash as digest } from 'node:crypto';
import { checkLink, GENESIS_HASH, readLine, type Sha256 } from '../core/chain.ts';
import type { AuditRecord, ChainedRecord } from '../core/record.ts';
import { LineFault } from './lines.ts';
import { shapeOf } from './shape.ts';

/** One session whose log verified. */
export interface VerifiedSession {
  readonly sessionId: string;
  readonly records: number;
  /** `hash` of its last record: who knows it from elsewhere knows that no tail is missing. */
  readonly head: string;
  /** False when there is no `session_ended`: the session runs, or the tail is missing. */
  readonly ended: boolean;
}

/** What a log was found to be. */
export type Verification =
  | {
      readonly ok: true;
      readonly sessions: readonly VerifiedSession[];
      readonly records: number;
      /** Records of a newer version or of unknown events: their chain was checked, and nothing else of them. */
      readonly unknown: number;
    }
  | {
      readonly ok: false;
      /** The first bad line, from 1. When something is missing at the end, the line after the last. */
      readonly line: number;
      readonly why: string;
      /** Absent when the line does not say, or can't be believed. */
      readonly sessionId?: string;
    };

/**
 * Looks at a record whose link and form are right: what is wrong, or null. `known` is false for a record of a newer
 * version or an unknown event.
 */
export type RecordCheck = (record: AuditRecord, known: boolean) => string | null;

export interface VerifyOptions {
  /** The one session that the log must hold. Otherwise there may be several, interleaved. */
  readonly expectSession?: string;
  /** Makes what looks at one session's records, in order: where the ledger is folded again. */
  readonly checkRecord?: (sessionId: string) => RecordCheck;
}

interface SessionLog {
  records: number;
  head: string;
  ended: boolean;
  readonly check: RecordCheck | null;
}

const sha256: Sha256 = (text) => digest('sha256', text, 'hex');

/**
 * Verifies a log line by line: each line's own hash, each session's chain from its first record without a gap, the form
 * of every record, and that nothing follows a session's end. In memory there is a line, and a few words a session.
 *
 * @param lines without newlines: those of a file from {@link readLines}, or {@link lineOf} each record of a store
 * @throws what reading `lines` throws, when it is not about what they hold
 */
export async function verifyLog(
  lines: AsyncIterable<string> | Iterable<string>,
  options: VerifyOptions = {},
): Promise<Verification> {
  const sessions = new Map<string, SessionLog>();
  let line = 0;
  let unknown = 0;
  try {
    for await (const text of lines) {
      line += 1;
      const read = readLine(text, sha256);
      if (!read.ok) return { ok: false, line, why: read.why };
      const { record } = read;
      const next = checkNext(record, sessions, options);
      if (next.why !== null) return { ok: false, line, why: next.why, sessionId: record.session_id };
      if (!next.known) unknown += 1;
    }
  } catch (error) {
    if (error instanceof LineFault) return { ok: false, line: error.line, why: error.why };
    throw error;
  }
  if (line === 0) return { ok: false, line: 1, why: 'there is no record' };
  return { ok: true, sessions: Array.from(sessions, summary), records: line, unknown };
}

/** Checks a record against its session's log so far, and takes it in. */
function checkNext(
  record: ChainedRecord,
  sessions: Map<string, SessionLog>,
  options: VerifyOptions,
): { why: string | null; known: boolean } {
  const sessionId = record.session_id;
  if (options.expectSession !== undefined && sessionId !== options.expectSession)
    return { why: 'a record of another session', known: false };
  const log = sessions.get(sessionId) ?? {
    records: 0,
    head: GENESIS_HASH,
    ended: false,
    check: options.checkRecord?.(sessionId) ?? null,
  };
  const { why, known } = shapeOf(record);
  const fault =
    checkLink(record, { seq: log.records, prevHash: log.head }) ??
    why ??
    checkPlace(record, log, known) ??
    log.check?.(record, known) ??
    null;
  if (fault !== null) return { why: fault, known };
  log.records += 1;
  log.head = record.hash;
  log.ended = record.event === 'session_ended';
  sessions.set(sessionId, log);
  return { why: null, known };
}

/** What may stand where, in every version: a start first and only there, an end last and only there. */
function checkPlace(record: ChainedRecord, log: SessionLog, known: boolean): string | null {
  if (log.ended) return 'a record after session_ended';
  if (log.records === 0) return record.event === 'session_started' ? null : 'the first record is not session_started';
  if (record.event === 'session_started') return 'session_started again';
  if (known && record.event === 'session_ended' && record.payload.records !== record.seq + 1) {
    return 'session_ended counts another number of records than there are';
  }
  return null;
}

function summary([sessionId, log]: readonly [string, SessionLog]): VerifiedSession {
  return { sessionId, records: log.records, head: log.head, ended: log.ended };
}
