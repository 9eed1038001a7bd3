import { hash as digest } from 'node:crypto';
import { checkLink, examineLine, GENESIS_HASH, type LineBytes, type Sha256 } from '../core/chain.ts';
import { endsSession } from '../core/ends-session.ts';
import { type Fault, type FaultName, faultOf } from '../core/faults.ts';
import { isHex64 } from '../core/hex64.ts';
import type { AuditRecord, ChainedRecord } from '../core/record.ts';
import { continuityFault, type Last, lastOf } from './continuity.ts';
import { shapeOf } from './shape.ts';

/** One session as its log has it. */
export interface SessionLog {
  readonly sessionId: string;
  readonly records: number;
  /** `hash` of its last record: who knows it from elsewhere knows that no tail is missing. */
  readonly head: string;
  /** False when its last record does not end it: the session runs, or the tail is missing. */
  readonly ended: boolean;
}

/** A fault, and where it is. */
export interface LogFault extends Fault {
  /** From 1. When something is missing at the end, the line after the last. */
  readonly line: number;
  /** Absent when the line does not say, or can't be believed. */
  readonly sessionId?: string;
}

/**
 * Looks at a record whose link and form are right: what is wrong, or null. `known` is false for a record of a newer
 * version or an unknown event.
 */
export type RecordCheck = (record: AuditRecord, known: boolean) => Fault | null;

/** What is done with a log as it is read. */
export interface LogWatch {
  /** The one session that the log must hold. Otherwise there may be several, interleaved. */
  readonly expectSession?: string;
  /**
   * Makes what folds one session's records, in order. A check that found something is asked no more; none is asked once a
   * record is missing or has not its form, for then no fold is right.
   */
  readonly checksOf?: (sessionId: string) => readonly RecordCheck[];
  /** Told of each record that could be read, also of one that has a fault. */
  readonly onRecord?: (record: ChainedRecord, line: LineBytes, number: number) => void;
  /** Told of each fault, in the order of the lines. */
  readonly onFault: (fault: LogFault) => void;
}

/** A log that is being read. */
export interface LogCheck {
  /** Takes the next line. */
  take(line: LineBytes, number: number): void;
  sessions(): readonly SessionLog[];
  /**
   * Lines so far, of which so many were no records that could be gone by (`unread`), and so many were of a newer version
   * or of unknown events.
   */
  counts(): { readonly lines: number; readonly unread: number; readonly unknown: number };
  /** Sessions whose records could not be folded to their end. */
  unfolded(): readonly string[];
}

interface OpenLog {
  /** Sequence number of the next record. */
  next: number;
  head: string;
  ended: boolean;
  /** Of the last record of version 1. */
  last: Last | null;
  checks: readonly RecordCheck[];
  isFolded: boolean;
}

const sha256: Sha256 = (text) => digest('sha256', text, 'hex');

/** Faults of a record after which those that follow it can still be folded. */
const FOLDABLE: ReadonlySet<FaultName> = new Set<FaultName>([
  'hash_mismatch',
  'no_hash',
  'not_canonical',
  'prev_hash_mismatch',
  'wrong_workflow',
  'wrong_count',
  'other_identity',
  'time_went_back',
  'wrong_run',
  'event_went_back',
]);

/**
 * Checks a log line by line: each line's own hash, each session's chain from its first record without a gap, the form of
 * every record, that nothing follows a session's end, and that it is the same agent, user and principal throughout. It
 * goes on after a fault. In memory there is a line, and a few words a session.
 */
export function createLogCheck(watch: LogWatch): LogCheck {
  const sessions = new Map<string, OpenLog>();
  let lines = 0;
  let unread = 0;
  let unknown = 0;

  function logOf(sessionId: string): OpenLog {
    let log = sessions.get(sessionId);
    if (log === undefined) {
      const checks = watch.checksOf?.(sessionId) ?? [];
      log = { next: 0, head: GENESIS_HASH, ended: false, last: null, checks, isFolded: true };
      sessions.set(sessionId, log);
    }
    return log;
  }

  function take(line: LineBytes, number: number): void {
    lines += 1;
    const { record, fault } = examineLine(line, sha256);
    if (fault !== null) watch.onFault({ line: number, ...fault });
    if (record === null) {
      unread += 1;
      return;
    }
    const sessionId = record.session_id;
    if (watch.expectSession !== undefined && sessionId !== watch.expectSession)
      return watch.onFault({ line: number, ...faultOf('other_session', 'a record of another session'), sessionId });
    const log = logOf(sessionId);
    const { why, known } = shapeOf(record);
    const misplaced =
      checkLink(record, { seq: log.next, prevHash: log.head }) ??
      (why === null ? null : faultOf('bad_form', why)) ??
      checkPlace(record, log, known) ??
      continuityFault(record, log.last, known);
    if (misplaced !== null && fault === null) watch.onFault({ line: number, ...misplaced, sessionId });
    log.isFolded &&= why === null && isFoldable(fault) && isFoldable(misplaced);
    if (log.isFolded && log.checks.length > 0) runChecks(record, known, log, number);
    watch.onRecord?.(record, line, number);
    if (misplaced?.fault === 'repeated') return;
    if (!known) unknown += 1;
    log.next = record.seq + 1;
    // Where the hash is wrong it may be anything.
    log.head = fault === null || isHex64(record.hash) ? record.hash : '';
    log.ended = isEnd(record);
    if (why === null) log.last = lastOf(record, log.last);
  }

  function runChecks(record: ChainedRecord, known: boolean, log: OpenLog, line: number): void {
    for (const check of log.checks) {
      const fault = check(record, known);
      if (fault === null) continue;
      log.checks = log.checks.filter((other) => other !== check);
      watch.onFault({ line, ...fault, sessionId: record.session_id });
    }
  }

  return {
    take,
    sessions: () =>
      Array.from(sessions, ([sessionId, { next, head, ended }]) => ({ sessionId, records: next, head, ended })),
    counts: () => ({ lines, unread, unknown }),
    unfolded: () => Array.from(sessions).flatMap(([sessionId, { isFolded }]) => (isFolded ? [] : [sessionId])),
  };
}

function isFoldable(fault: Fault | null): boolean {
  return fault === null || FOLDABLE.has(fault.fault);
}

/** What may stand where, in every version: a start first and only there, after an end nothing but a reset. */
function checkPlace(record: ChainedRecord, log: OpenLog, known: boolean): Fault | null {
  if (log.ended && record.event !== 'session_reset')
    return faultOf('after_end', "a record after the session's end, and no session_reset");
  if (log.next === 0 && record.event !== 'session_started')
    return faultOf('no_start', 'the first record is not session_started');
  if (log.next > 0 && record.event === 'session_started') return faultOf('second_start', 'session_started again');
  if (known && isEnd(record) && record.payload.records !== record.seq + 1)
    return faultOf('wrong_count', `${record.event} counts another number of records than there are`);
  return null;
}

function isEnd(
  record: ChainedRecord,
): record is Extract<ChainedRecord, { event: 'session_ended' | 'session_terminated' }> {
  return endsSession(record.event);
}
