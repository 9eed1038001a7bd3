import { endsSession } from '../core/ends-session.ts';
import type { HeadEntry } from '../core/entry.ts';
import type { ChainedRecord } from '../core/record.ts';
import { userHash } from '../signing/entry.ts';
import { BUNDLE_FILES, type BundleQuery, isOfSession } from './bundle-format.ts';
import type { SessionLog } from './log-check.ts';
import { counted, type Findings, someOf } from './verdicts.ts';

/** Holds the records of a bundle against the heads of sessions that its entries have. */
export interface HeadCheck {
  /** Takes the next head of the tree. */
  takeHead(head: HeadEntry, line: number): void;
  /** Takes the next record, after all heads. */
  takeRecord(record: ChainedRecord, line: number): void;
  /** Says what is missing, after all records. */
  end(sessions: readonly SessionLog[]): void;
}

/** What the entries say of a session that the bundle's query selects. */
interface Expected {
  readonly started: string;
  readonly heads: { readonly head: HeadEntry; readonly line: number }[];
  /** Index of the first head that no record was held against yet. */
  next: number;
}

/**
 * @param query the bundle's: a session that it does not select is not missed
 */
export function createHeadCheck(query: BundleQuery, findings: Findings): HeadCheck {
  const sessions = new Map<string, Expected>();
  let compared = 0;
  const file = BUNDLE_FILES.entries;

  function takeHead(head: HeadEntry, line: number): void {
    if (!isSelected(head, query)) return;
    const expected = sessions.get(head.session_id);
    if (expected === undefined) {
      sessions.set(head.session_id, { started: head.started, heads: [{ head, line }], next: 0 });
      return;
    }
    const why = misfit(head, expected.heads.at(-1)?.head);
    if (why === null) expected.heads.push({ head, line });
    else findings.found({ fault: 'bad_head', why, file, line, session_id: head.session_id });
  }

  function takeRecord(record: ChainedRecord, line: number): void {
    const expected = sessions.get(record.session_id);
    if (expected === undefined) return;
    const isAnother = record.seq === 0 && record.ts !== expected.started;
    if (isAnother) mismatch(record, line, `it is the session's start, and its entries say ${expected.started}`);
    // A record that is missing was found to be.
    while ((expected.heads[expected.next]?.head.seq ?? Infinity) < record.seq) expected.next += 1;
    const next = expected.heads[expected.next];
    if (next?.head.seq !== record.seq) return;
    expected.next += 1;
    compared += 1;
    const why = difference(next.head, record);
    if (why === null) return;
    mismatch(record, line, `${why}: the entry of line ${next.line} of ${file} was signed for another one`);
  }

  function mismatch({ session_id }: ChainedRecord, line: number, why: string): void {
    findings.found({ fault: 'head_mismatch', why, file: BUNDLE_FILES.records, line, session_id });
  }

  function end(logs: readonly SessionLog[]): void {
    const lengths = new Map(logs.map(({ sessionId, records }) => [sessionId, records]));
    for (const [session_id, { heads }] of sessions) {
      const length = lengths.get(session_id);
      const last = heads.at(-1)?.head;
      // Its last record may be from before the window, which no record here can say.
      if (length === undefined && query.since !== undefined && last !== undefined && last.ts < query.since) continue;
      const first = heads.find(({ head }) => head.seq >= (length ?? 0));
      if (last === undefined || first === undefined) continue;
      const where = { file, line: first.line, session_id };
      if (length === undefined) {
        const why = 'the entry is of a session that the bundle should have, and has not a record of';
        findings.found({ fault: 'session_missing', why, ...where });
      } else {
        const why = `the log of the session goes to record ${last.seq} at least, and ends after record ${length - 1}`;
        findings.found({ fault: 'tail_missing', why, ...where });
      }
    }
    const told = `held ${counted(compared, 'entry')} of ${counted(sessions.size, 'session')} against records`;
    findings.evidence('completeness', told);
    tellUncovered(logs, sessions, findings);
  }

  return { takeHead, takeRecord, end };
}

/** Records after the last entry of their session: nobody signed them, and nobody can say that they are all. */
function tellUncovered(logs: readonly SessionLog[], sessions: ReadonlyMap<string, Expected>, findings: Findings): void {
  const uncovered: string[] = [];
  const open: string[] = [];
  for (const { sessionId, records, ended } of logs) {
    const last = sessions.get(sessionId)?.heads.at(-1)?.head.seq ?? -1;
    if (records - 1 > last) uncovered.push(`${sessionId} from record ${last + 1} on`);
    else if (!ended) open.push(sessionId);
  }
  if (open.length > 0) {
    const told = `open, and whole up to their last entry: ${someOf(open)}`;
    findings.evidence('completeness', told);
  }
  if (uncovered.length === 0) return;
  const told = someOf(uncovered);
  findings.unchecked('completeness', `no entry says whether more follows after the last one of ${told}`);
  findings.unchecked('authenticity', `under no signed entry: ${told}`);
}

/** As the exporter's store selects sessions; `since` is looked at when their last head is known. */
function isSelected(head: HeadEntry, query: BundleQuery): boolean {
  const { agent, user, until } = query;
  const { session_id, agent_identity, user_sha256, started } = head;
  if (!isOfSession(session_id, query)) return false;
  if (until !== undefined && started >= until) return false;
  if (user !== undefined && user_sha256 !== userHash(session_id, user)) return false;
  return agent === undefined || agent_identity === agent || agent_identity.startsWith(`${agent}/`);
}

/** Why a head does not go on where the session's last one was, or null. */
function misfit(head: HeadEntry, before: HeadEntry | undefined): string | null {
  if (before === undefined) return null;
  if (head.seq <= before.seq) return `record ${head.seq} comes after record ${before.seq} of the same session`;
  const same = ['agent_identity', 'user_sha256', 'started'] as const;
  const other = same.find((member) => head[member] !== before[member]);
  if (other !== undefined) return `${other} is not that of the session's entries before it`;
  return head.ts < before.ts ? "ts is before that of the session's entry before it" : null;
}

/** In what a record is not the one that a head was signed for, or null. */
function difference(head: HeadEntry, record: ChainedRecord): string | null {
  if (head.hash !== record.hash) return 'its hash is another';
  if (head.ts !== record.ts) return 'its ts is another';
  if (head.agent_identity !== record.agent_identity) return 'its agent_identity is another';
  if (head.ended !== endsSession(record.event)) return 'it ends its session, or does not, other than the entry says';
  return head.user_sha256 === userHash(record.session_id, record.invoking_user) ? null : 'its invoking_user is another';
}
