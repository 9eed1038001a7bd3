import { createHash, type Hash } from 'node:crypto';
import type { ContractFacts } from './contract-facts.ts';
import { costCheck } from './cost-check.ts';
import { createFamilyCheck } from './family-check.ts';
import type { HeadCheck } from './head-check.ts';
import { watchedLedgerCheck } from './ledger-check.ts';
import { type Chunks, LineFault, linesOf, splitBlocks } from './lines.ts';
import { createLogCheck, type SessionLog } from './log-check.ts';
import { topUpCheck } from './top-up-check.ts';
import { counted, type Findings, someOf } from './verdicts.ts';

/** What records are read for. */
export interface RecordPass {
  readonly chunks: Chunks;
  /** Their file in findings; undefined for a file alone. */
  readonly file: string | undefined;
  /** Contracts by their SHA-256. */
  readonly contractOf: (sha256: string) => ContractFacts | null;
  /** Whether one of them has a rule of who may raise a budget: only then what it saw is folded. */
  readonly hasTopUpRules: boolean;
  readonly heads: HeadCheck | null;
  /** Whether the bytes of each session are to be compared afterwards. */
  readonly wantsDigests: boolean;
  /** Called now and then. */
  readonly onProgress: (records: number) => void;
}

/** What records were found to be. */
export interface RecordsFound {
  readonly sessions: readonly SessionLog[];
  readonly records: number;
  readonly unknown: number;
  /** SHA-256, hex, of a session's lines with their LFs; only when asked for. */
  readonly digestOf: (sessionId: string) => string | undefined;
}

const LF = Buffer.from('\n');

/** Reads a log once, in constant memory but for a few words a session, and finds all that is wrong in itself. */
export async function passRecords(pass: RecordPass, findings: Findings): Promise<RecordsFound> {
  const { file, heads } = pass;
  const where = file === undefined ? {} : { file };
  const costs = createCosts(pass.contractOf);
  const topUps = createTopUps(pass.contractOf);
  const families = createFamilyCheck();
  const digests = new Map<string, Hash>();
  let gaps = 0;
  let unreadable = 0;
  const check = createLogCheck({
    checksOf: (sessionId) => [
      watchedLedgerCheck(families.watch(sessionId)),
      costCheck(sessionId, costs.tally),
      ...(pass.hasTopUpRules ? [topUpCheck(sessionId, topUps.tally)] : []),
    ],
    onFault({ sessionId, ...fault }) {
      if (fault.fault === 'gap') gaps += 1;
      findings.found({ ...fault, ...where, ...(sessionId === undefined ? {} : { session_id: sessionId }) });
    },
    onRecord(record, line, number) {
      heads?.takeRecord(record, number);
      if (!pass.wantsDigests) return;
      const digest = digests.get(record.session_id) ?? createHash('sha256');
      digests.set(record.session_id, digest.update(line.bytes.subarray(line.from, line.end)).update(LF));
    },
  });
  for await (const part of splitBlocks(pass.chunks)) {
    if (part instanceof LineFault) {
      unreadable += 1;
      findings.found({ fault: part.fault, why: part.why, ...where, line: part.line });
      continue;
    }
    // A block at a time: to wait for each line would take as long as to hash it.
    for (const line of linesOf(part)) check.take(line, line.line);
    pass.onProgress(check.counts().lines);
  }
  const { lines, unknown, unread } = check.counts();
  if (lines + unreadable === 0) findings.found({ fault: 'no_records', why: 'there is no record', ...where, line: 1 });
  const sessions = check.sessions();
  tellRecords({ records: lines - unread, sessions: sessions.length, unknown, unfolded: check.unfolded() }, findings);
  tellUnread(unread + unreadable, gaps, findings);
  costs.tell(findings);
  topUps.tell(findings);
  families.end(check, file, findings);
  return {
    sessions,
    records: lines - unread,
    unknown,
    digestOf: (sessionId) => digests.get(sessionId)?.copy().digest('hex'),
  };
}

function tellRecords(
  found: { records: number; sessions: number; unknown: number; unfolded: readonly string[] },
  findings: Findings,
): void {
  const { records, sessions, unknown, unfolded } = found;
  if (records === 0) {
    findings.unchecked('integrity', 'there is no record');
    findings.unchecked('ledger', 'there is no record');
    return;
  }
  const whole = `${counted(records, 'record')} of ${counted(sessions, 'session')}`;
  findings.evidence('integrity', `checked ${whole}: hash, link, form and place of each`);
  findings.evidence('ledger', `folded ${whole}, and compared each budget`);
  if (unknown > 0) {
    const told = `${counted(unknown, 'record')} of a newer release`;
    findings.evidence('integrity', `${told}: only their links`);
    findings.unchecked('ledger', `${told}: what comes after them in their sessions could not be folded`);
  }
  if (unfolded.length > 0)
    findings.unchecked('ledger', `not folded to the end, for records are missing or unreadable: ${someOf(unfolded)}`);
}

/** What is not there, or can't be read, was not checked. */
function tellUnread(unread: number, gaps: number, findings: Findings): void {
  if (unread > 0) findings.unchecked('ledger', `${counted(unread, 'line')} that could not be read`);
  if (gaps > 0) findings.unchecked('integrity', `the links of ${counted(gaps, 'record')} after missing ones`);
}

function createCosts(contractOf: RecordPass['contractOf']) {
  const missing = new Map<string, string[]>();
  let checked = 0;
  return {
    tally: {
      contractOf,
      onMissing(sessionId: string, sha256: string) {
        const sessions = missing.get(sha256) ?? [];
        missing.set(sha256, sessions);
        sessions.push(sessionId);
      },
      onChecked: () => void (checked += 1),
    },
    tell(findings: Findings): void {
      if (checked > 0)
        findings.evidence('ledger', `recomputed ${counted(checked, 'cost')} from usage and pinned prices`);
      for (const [sha256, sessions] of Array.from(missing).slice(0, 3))
        findings.unchecked('ledger', `costs of ${someOf(sessions)}: the contract ${sha256} is not at hand`);
      if (missing.size > 3)
        findings.unchecked('ledger', `costs under ${missing.size - 3} more contracts that are not at hand`);
    },
  };
}

function createTopUps(contractOf: RecordPass['contractOf']) {
  const unjudged = new Set<string>();
  let judged = 0;
  return {
    tally: {
      contractOf,
      onJudged: () => void (judged += 1),
      onUnjudged: (sessionId: string) => void unjudged.add(sessionId),
    },
    tell(findings: Findings): void {
      if (judged > 0)
        findings.evidence('ledger', `judged ${counted(judged, 'top-up')} by the rule of who may raise the budget`);
      if (unjudged.size === 0) return;
      const why = 'a rule with a regular expression, or with more than one loop, is not run';
      findings.unchecked('ledger', `who raised the budget of ${someOf([...unjudged])}: ${why}`);
    },
  };
}
