import { proxySinks, type Sinks, upsertMemo, workflowInfo } from '@temporalio/workflow';
import { makeRecord } from '../src/core/make-record.ts';
import type { Principal } from '../src/core/principal.ts';
import type { AuditRecord, EventName, Events } from '../src/core/record.ts';
import { emptyState, type SessionState } from '../src/core/session-state.ts';
import { utf8Bytes } from '../src/core/values.ts';
import { RECORD_SINK } from '../src/protocol.ts';
import { wellFormed } from './well-formed.ts';

/** Records that the query `session` still has at hand. */
const TAIL = 200;
/** More than this many bytes of records do not ride along with a call: they are appended first. */
const MAX_CARRIED_BYTES = 128 * 1024;
/** Most bytes of records that one append takes, of the 2 MB that Temporal's payloads have. One record is always taken. */
const MAX_APPENDED_BYTES = 1024 * 1024;

/** How a replay gets the records out of a history. In a live worker nothing is registered to listen. */
export interface RecordSinks extends Sinks {
  [RECORD_SINK]: { made(record: AuditRecord): void };
}

/** Makes a session's records, folds them into its state, and knows which are not yet known to be stored. */
export interface Journal {
  state(): SessionState;
  /** As whom the session acts. */
  principal(): Principal;
  emit<E extends EventName>(event: E, payload: Events[E]): AuditRecord;
  /** Records that must be durable before the next call runs. */
  carried(): readonly AuditRecord[];
  /** The first of them, as many as one append takes. */
  appendable(): readonly AuditRecord[];
  /** Whether they are too many to ride along. */
  overfull(): boolean;
  /** Everything up to this sequence number is in the store. */
  stored(seq: number): void;
  /**
   * Stores what happened beside whatever runs, one at a time: the one that runs takes along what is made meanwhile, so that many
   * requests at once do not send the same records again and again.
   */
  keepOnce(store: () => Promise<void>): Promise<void>;
  /** The last records, from a sequence number. */
  tail(fromSeq?: number): readonly AuditRecord[];
  /**
   * Takes the log as the store has it in the place of what this run made of it, and goes on as another run of the session.
   * Records that are not stored are forgotten: nothing ran on them.
   *
   * @returns the first sequence number at which this run would have gone another way
   */
  rejoin(stored: SessionState, ownRunId: string, principal?: Principal): number;
  /**
   * Has the workflow task in which a record was made schedule something, where it would not: after a signal, and when a call ends
   * beside others. A worker that does not know the session takes a task that scheduled nothing together with the next one, where
   * an update comes with that, and a replay does not: the record would have another moment in the log than in the history (Temporal's
   * SDK 1.24, find_end_index_of_next_wft_seq of its core; https://github.com/temporalio/sdk-python/issues/1591).
   */
  leaveTrace(): void;
  /** What the session does has changed, and no record says so. */
  touch(): void;
  /** Told of every record that was made, and of every {@link touch}. */
  onChange(listener: () => void): void;
}

/**
 * Opens the journal of a session that has no records yet.
 *
 * @param firstRunId the run that makes its records, until {@link Journal.rejoin} names another
 */
export function openJournal(sessionId: string, firstPrincipal: Principal, firstRunId: string): Journal {
  const { [RECORD_SINK]: sink } = proxySinks<RecordSinks>();
  let state = emptyState();
  let runId = firstRunId;
  let principal = firstPrincipal;
  let unstored: { record: AuditRecord; bytes: number }[] = [];
  let recent: AuditRecord[] = [];
  let isKept = false;
  // The event of the workflow task that has its trace.
  let tracedAt = 0;
  let listener = (): void => {};
  return {
    state: () => state,
    principal: () => principal,
    emit(event, payload) {
      const safe = wellFormed(payload, JSON.stringify(payload));
      const moment = { nowMs: Date.now(), eventId: workflowInfo().historyLength };
      const made = makeRecord({ sessionId, principal, runId }, state, event, safe, moment);
      const { record } = made;
      state = made.state;
      unstored.push({ record, bytes: utf8Bytes(JSON.stringify(record)) });
      recent = [...recent.slice(1 - TAIL), record];
      // Only a replay listens; a live worker spends nothing on it.
      if (workflowInfo().unsafe.isReplaying) sink.made(record);
      listener();
      return record;
    },
    carried: () => unstored.map(({ record }) => record),
    appendable() {
      let bytes = 0;
      const end = unstored.findIndex((one, index) => (bytes += one.bytes) > MAX_APPENDED_BYTES && index > 0);
      return unstored.slice(0, end < 0 ? unstored.length : end).map(({ record }) => record);
    },
    overfull: () => unstored.reduce((sum, { bytes }) => sum + bytes, 0) > MAX_CARRIED_BYTES,
    stored(seq) {
      unstored = unstored.filter(({ record }) => record.seq > seq);
    },
    async keepOnce(store) {
      if (isKept) return;
      isKept = true;
      try {
        await store();
      } finally {
        isKept = false;
      }
    },
    tail: (fromSeq = 0) => recent.filter((record) => record.seq >= fromSeq),
    rejoin(stored, ownRunId, storedPrincipal = principal) {
      const atSeq = unstored[0]?.record.seq ?? state.nextSeq;
      state = stored;
      runId = ownRunId;
      principal = storedPrincipal;
      unstored = [];
      recent = recent.filter((record) => record.seq < atSeq);
      return atSeq;
    },
    leaveTrace() {
      const { historyLength } = workflowInfo();
      if (tracedAt === historyLength) return;
      tracedAt = historyLength;
      upsertMemo({ records: state.nextSeq });
    },
    touch: () => listener(),
    onChange(added) {
      listener = added;
    },
  };
}
