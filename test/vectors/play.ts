import { createHash } from 'node:crypto';
import { chainRecord, GENESIS_HASH } from '../../src/core/chain.ts';
import { makeRecord } from '../../src/core/make-record.ts';
import { makePrincipal } from '../../src/core/principal.ts';
import type { AuditRecord, EventName, Events } from '../../src/core/record.ts';
import { emptyState } from '../../src/core/session-state.ts';

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** When the vectors' sessions start, where nothing else is said. */
export const STARTED_MS = Date.UTC(2026, 0, 31, 12);

/** The first run of each. */
export const RUN = '0195b2c4-1111-7222-8333-444455556666';

/** What a session of the vectors is like, where it is like no other. */
export interface Cast {
  readonly agent?: string;
  readonly user?: string;
  /** Principals above it. */
  readonly chain?: readonly string[];
  readonly startedMs?: number;
  /** What a record says otherwise than it should, before its budget is made: the payload of a sequence number. */
  readonly told?: Readonly<Record<number, object>>;
}

/** Makes the next record. */
export type Emit = <E extends EventName>(event: E, payload: Events[E], afterMs?: number) => void;

/** Goes on as another run, whose next record is made in the turn of this event of its history. */
export type GoOn = (runId: string, eventId: number) => void;

/** Records of one session, each made by the code that makes those of a real one. */
export function session(sessionId: string, play: (emit: Emit, goOn: GoOn) => void, cast: Cast = {}): readonly AuditRecord[] {
  const { agent = 'support-bot', user = 'zoë@acme.com', chain = [], startedMs = STARTED_MS, told = {} } = cast;
  const asked = { agent, version: 'v1', user, chain };
  const principal = makePrincipal(asked, startedMs, '0123456789ab', 600_000);
  const records: AuditRecord[] = [];
  let state = emptyState();
  let nowMs = startedMs;
  let runId = RUN;
  let eventsBefore = 3;
  const emit: Emit = (event, payload, afterMs = 0) => {
    nowMs += afterMs;
    const moment = { nowMs, eventId: eventsBefore + state.nextSeq };
    const said = { ...payload, ...told[state.nextSeq] };
    const made = makeRecord({ sessionId, principal, runId }, state, event, said, moment);
    state = made.state;
    records.push(made.record);
  };
  play(emit, (otherRun, eventId) => {
    runId = otherRun;
    eventsBefore = eventId - state.nextSeq;
  });
  return records;
}

/** Chains records, whatever their members are, each to the one before it. */
export function chained(records: readonly object[], prevHash = GENESIS_HASH): string[] {
  let last = prevHash;
  return records.map((record) => {
    const { line, record: linked } = chainRecord(record as AuditRecord, last, sha256);
    last = linked.hash;
    return line;
  });
}
