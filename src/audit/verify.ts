import type { Fault } from '../core/faults.ts';
import { type LineBlock, LineFault, linesOf } from './lines.ts';
import { createLogCheck, type LogCheck, type LogFault, type RecordCheck, type SessionLog } from './log-check.ts';

export type { RecordCheck } from './log-check.ts';

/** One session whose log verified. */
export type VerifiedSession = SessionLog;

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

export interface VerifyOptions {
  /** The one session that the log must hold. Otherwise there may be several, interleaved. */
  readonly expectSession?: string;
  /** Makes what looks at one session's records, in order: where the ledger is folded again. */
  readonly checkRecord?: (sessionId: string) => RecordCheck;
}

/** A log, line by line or a block at a time. Lines are without newlines. */
export type LogSource = AsyncIterable<string | LineBlock | LineFault> | Iterable<string | LineBlock | LineFault>;

/**
 * Verifies a log up to its first fault: all that {@link createLogCheck} checks, in constant memory.
 *
 * @param source the lines of a file from `readLines`, its blocks from `splitBlocks`, which is faster, or `lineOf` each
 *   record of a store
 * @throws what reading `source` throws, when it is not about what it holds
 */
export async function verifyLog(source: LogSource, options: VerifyOptions = {}): Promise<Verification> {
  const { expectSession, checkRecord } = options;
  const faults: LogFault[] = [];
  const check = createLogCheck({
    ...(expectSession === undefined ? {} : { expectSession }),
    ...(checkRecord === undefined ? {} : { checksOf: (sessionId) => [checkRecord(sessionId)] }),
    onFault: (fault) => faults.push(fault),
  });
  try {
    for await (const part of source) {
      takePart(check, part, faults);
      const [first] = faults;
      if (first) return { ok: false, ...first };
    }
  } catch (error) {
    if (!(error instanceof LineFault)) throw error;
    return { ok: false, line: error.line, fault: error.fault, why: error.why };
  }
  const { lines, unknown } = check.counts();
  if (lines === 0) return { ok: false, line: 1, fault: 'no_records', why: 'there is no record' };
  return { ok: true, sessions: check.sessions(), records: lines, unknown };
}

function takePart(check: LogCheck, part: string | LineBlock | LineFault, faults: readonly LogFault[]): void {
  if (part instanceof LineFault) throw part;
  if (typeof part === 'string') {
    const bytes = new TextEncoder().encode(part);
    return check.take({ text: part, bytes, from: 0, end: bytes.length }, check.counts().lines + 1);
  }
  for (const line of linesOf(part)) {
    check.take(line, line.line);
    if (faults.length > 0) return;
  }
}
