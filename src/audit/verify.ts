import { hash as digest } from 'node:crypto';
import { checkLink, GENESIS_HASH, readLine, type Sha256 } from '../core/chain.ts';
import { type Fault, faultOf } from '../core/faults.ts';
import type { AuditRecord, ChainedRecord } from '../core/record.ts';
import { continuityFault, type Last, lastOf } from './continuity.ts';
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
  | ({
      readonly ok: false;
      /** The first bad line, from 1. When something is missing at the end, the line after the last. */
      readonly line: number;
      /** Absent when the line does not say, or can't be believed. */
      readonly sessionId?: string;
    } & Fault);

/**
 * Looks at a record whose link and form are right: what is wrong, or null. `known` is false for a record of a newer
 * version or an unknown event.
 */
export type RecordCheck = (record: AuditRecord, known: boolean) => Fault | null;

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
  /** Of the last record of version 1. */
  last: Last | null;
  readonly check: RecordCheck | null;
}

const sha256: Sha256 = (text) => digest('sha256', text, 'hex');

/**
 * Verifies a log line by line: each line's own hash, each session's chain from its first record without a gap, the form
 * of every record, that nothing follows a session's end, and that it is the same agent, user and principal throughout. In memory there is a line, and a few words a session.
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
      if (!read.ok) return { ok: false, line, fault: read.fault, why: read.why };
      const { record } = read;
      const { fault, known } = checkNext(record, sessions, options);
      if (fault !== null) return { ok: false, line, ...fault, sessionId: record.session_id };
      if (!known) unknown += 1;
    }
  } catch (error) {
    if (error instanceof LineFault) return { ok: false, line: error.line, fault: error.fault, why: error.why };
    throw error;
  }
  if (line === 0) return { ok: false, line: 1, fault: 'no_records', why: 'there is no record' };
  return { ok: true, sessions: Array.from(sessions, summary), records: line, unknown };
}

/** Checks a record against its session's log so far, and takes it in. */
function checkNext(
  record: ChainedRecord,
  sessions: Map<string, SessionLog>,
  options: VerifyOptions,
): { fault: Fault | null; known: boolean } {
  const sessionId = record.session_id;
  if (options.expectSession !== undefined && sessionId !== options.expectSession)
    return { fault: faultOf('other_session', 'a record of another session'), known: false };
  const log = sessions.get(sessionId) ?? {
    records: 0,
    head: GENESIS_HASH,
    ended: false,
    last: null,
    check: options.checkRecord?.(sessionId) ?? null,
  };
  const { why, known } = shapeOf(record);
  const fault =
    checkLink(record, { seq: log.records, prevHash: log.head }) ??
    (why === null ? null : faultOf('bad_form', why)) ??
    checkPlace(record, log, known) ??
    continuityFault(record, log.last, known) ??
    log.check?.(record, known) ??
    null;
  if (fault !== null) return { fault, known };
  log.records += 1;
  log.head = record.hash;
  log.ended = record.event === 'session_ended';
  log.last = lastOf(record, log.last);
  sessions.set(sessionId, log);
  return { fault: null, known };
}

/** What may stand where, in every version: a start first and only there, an end last and only there. */
function checkPlace(record: ChainedRecord, log: SessionLog, known: boolean): Fault | null {
  if (log.ended) return faultOf('after_end', 'a record after session_ended');
  if (log.records === 0 && record.event !== 'session_started')
    return faultOf('no_start', 'the first record is not session_started');
  if (log.records > 0 && record.event === 'session_started') return faultOf('second_start', 'session_started again');
  if (known && record.event === 'session_ended' && record.payload.records !== record.seq + 1)
    return faultOf('wrong_count', 'session_ended counts another number of records than there are');
  return null;
}

function summary([sessionId, log]: readonly [string, SessionLog]): VerifiedSession {
  return { sessionId, records: log.records, head: log.head, ended: log.ended };
}
