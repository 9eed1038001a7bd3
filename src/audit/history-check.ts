import { hash as digest } from 'node:crypto';
import { chainRecord, GENESIS_HASH } from '../core/chain.ts';
import { AegrailError } from '../core/errors.ts';
import type { AuditRecord, ChainedRecord } from '../core/record.ts';
import { readableLines } from './line-reader.ts';
import type { Chunks } from './lines.ts';
import type { SessionLog } from './log-check.ts';
import type { RecordsFound } from './record-pass.ts';
import { counted, type Findings, someOf } from './verdicts.ts';

/** Workflow histories, and the code that makes records of them. */
export interface SessionHistories {
  /** Of all runs that made a session's log, the first one first; why they can't be had, when they are not there any more. */
  fetch(sessionId: string): Promise<readonly unknown[] | { readonly gone: string }>;
  /**
   * @param reconciled also with what `aegrail audit reconcile` adds to a log whose session was ended from outside
   * @throws AegrailError LOG_INVALID when they are not of this session code
   */
  regenerate(histories: readonly unknown[], sessionId: string, reconciled: boolean): Promise<readonly AuditRecord[]>;
}

/** A log that was read, and where it can be read once more; null: nowhere. */
export interface ReadLog {
  readonly found: RecordsFound;
  readonly file: string | undefined;
  readonly reread: (() => Chunks) | null;
}

/** Makes each session's log again from its workflow history, and compares it byte for byte. */
export async function checkHistories(log: ReadLog, histories: SessionHistories, findings: Findings): Promise<void> {
  const gone = new Map<string, string>();
  let same = 0;
  for (const session of log.found.sessions) {
    const outcome = await checkSession(session, log, histories, findings);
    if (outcome === 'same') same += 1;
    if (typeof outcome === 'object') gone.set(session.sessionId, outcome.gone);
  }
  const total = counted(log.found.sessions.length, 'session');
  findings.evidence('history', `${same} of ${total} made again from workflow history, byte for byte the same`);
  if (gone.size === 0) return;
  const [first] = gone.values();
  findings.unchecked('history', `no history of ${someOf([...gone.keys()])}: ${first}`);
}

async function checkSession(
  session: SessionLog,
  log: ReadLog,
  histories: SessionHistories,
  findings: Findings,
): Promise<'same' | 'different' | { readonly gone: string }> {
  const { sessionId, records } = session;
  const fetched = await histories.fetch(sessionId);
  if ('gone' in fetched) return fetched;
  let lines: readonly string[];
  try {
    const made = await histories.regenerate(fetched, sessionId, false);
    lines = chained(made.length < records ? await histories.regenerate(fetched, sessionId, true) : made);
  } catch (thrown) {
    if (!(thrown instanceof AegrailError) || thrown.code !== 'LOG_INVALID') throw thrown;
    findings.found({ fault: 'history_unreadable', why: thrown.message, session_id: sessionId });
    return 'different';
  }
  const text = lines
    .slice(0, records)
    .map((line) => `${line}\n`)
    .join('');
  if (lines.length >= records && digest('sha256', text, 'hex') === log.found.digestOf(sessionId)) {
    if (lines.length > records)
      findings.evidence(
        'history',
        `${sessionId} goes on in its history by ${counted(lines.length - records, 'record')}`,
      );
    return 'same';
  }
  const where = { ...(await firstDifference(log, sessionId, lines)), session_id: sessionId };
  findings.found({ fault: 'history_differs', why: 'the history gives another record here, or none', ...where });
  return 'different';
}

function chained(records: readonly AuditRecord[]): string[] {
  let prevHash = GENESIS_HASH;
  return records.map((record) => {
    const { line, record: link } = chainRecord(record, prevHash, (text) => digest('sha256', text, 'hex'));
    prevHash = link.hash;
    return line;
  });
}

/** Where in the file a session's log leaves that of its history: its first line that is another, or its last one. */
async function firstDifference(
  { file, reread }: ReadLog,
  sessionId: string,
  lines: readonly string[],
): Promise<{ readonly file?: string; readonly line?: number }> {
  const where = file === undefined ? {} : { file };
  if (reread === null) return where;
  let index = 0;
  let last = 0;
  // What is wrong with the file itself was found when it was read first.
  for await (const { text, line } of readableLines(reread(), file, { found: () => undefined })) {
    if (sessionOf(text) !== sessionId) continue;
    last = line;
    if (text !== lines[index]) break;
    index += 1;
  }
  return last === 0 ? where : { ...where, line: last };
}

function sessionOf(line: string): string | null {
  try {
    return (JSON.parse(line) as Partial<ChainedRecord> | null)?.session_id ?? null;
  } catch {
    return null;
  }
}
