import { closeLog } from '../../src/audit/close-log.ts';
import type { AuditRecord } from '../../src/core/record.ts';
import { foldRecords } from '../../src/core/stored-log.ts';
import { modelAdmitted, modelAnswered, modelFailed, NO_AMOUNTS, ONE_CALL, started, toolAdmitted, toolDone } from './payloads.ts';
import { RUN, session, sha256, STARTED_MS } from './play.ts';

/** The sessions that the vectors are made of: small, and the same each time. */

const SECOND_RUN = '0195b2c4-2222-7222-8333-444455556666';
const THIRD_RUN = '0195b2c4-3333-7222-8333-444455556666';

/** Two tools side by side, a refusal, an answer. Its strings hold what a careless reader of the bytes trips over. */
export function answered(sessionId: string): readonly AuditRecord[] {
  return session(sessionId, (emit) => {
    emit('session_started', started(sessionId));
    emit('llm_admitted', modelAdmitted(4_500_001, 3_000), 3);
    emit('llm_call', modelAnswered(1, 1_234_567, 1_800, 90), 640);
    emit('tool_admitted', toolAdmitted('refund', 'call_1', 'für Zoë 🙂 ,"hash":"0"'), 1);
    emit('tool_admitted', toolAdmitted('lookup_order', 'call_2', '\u2028 \u007f \u0001 \\ \ufb33'));
    emit('tool_denied', {
      tool: 'wipe_disk',
      call_id: 'call_3',
      reason: 'not_registered',
      asi: 'ASI03',
      why: 'The agent has no tool of this name.',
      args: { keys: [], bytes: 2 },
    });
    emit('tool_call', toolDone(4, 'lookup_order', 'call_2'), 12);
    emit('tool_call', toolDone(3, 'refund', 'call_1'), 30);
    emit('llm_admitted', modelAdmitted(5_000_000, 4_000));
    emit('llm_call', modelAnswered(8, 7, 1, 0), 333);
    emit('session_ended', { outcome: 'answered', reason: null, records: 11, answer: { bytes: 24 } }, 1);
  });
}

/** A session that its budget kills, after a try that never ran, one whose end is not known, and one that was cancelled. */
export function killed(sessionId: string): readonly AuditRecord[] {
  const limits = { usd: 0.01, tokens: null, max_tool_calls: 1 };
  return session(sessionId, (emit) => {
    emit('session_started', started(sessionId, limits));
    emit('llm_admitted', modelAdmitted(4_000_000, 3_000));
    emit('llm_call', modelFailed(1, 'not_started', NO_AMOUNTS), 1_250);
    emit('llm_admitted', modelAdmitted(4_000_000, 3_000, 2), 541);
    emit('llm_call', modelFailed(3, 'unknown', { usd_nano: 4_000_000, tokens: 3_000, tool_calls: 0 }), 1_250);
    emit('llm_admitted', modelAdmitted(4_000_000, 3_000, 3), 541);
    emit('llm_call', modelAnswered(5, 3_000_000, 1_500, 200), 640);
    emit('tool_admitted', toolAdmitted('refund', 'call_1', 'x'));
    emit('cancel_requested', { in_flight: 1 }, 9);
    emit(
      'tool_call',
      {
        reservation: 7,
        tool: 'refund',
        call_id: 'call_1',
        ok: false,
        outcome: 'cancelled',
        posted: ONE_CALL,
        elapsed_ms: 14,
        error: { code: 'CANCELLED' },
      },
      5,
    );
    emit('budget_exceeded', {
      reason: 'usd',
      asi: 'ASI02',
      why: 'The next call could cost more than what is left.',
      needed: { usd_nano: 4_000_000, tokens: 3_000, tool_calls: 0 },
    });
    emit('session_ended', { outcome: 'killed', reason: 'usd', records: 12, answer: null });
  });
}

/** A session that was reset in Temporal twice: while a tool call was in flight, and after its end. */
export function resetTwice(sessionId: string): readonly AuditRecord[] {
  return session(sessionId, (emit, goOn) => {
    emit('session_started', started(sessionId));
    emit('llm_admitted', modelAdmitted(4_500_001, 3_000), 3);
    emit('llm_call', modelAnswered(1, 1_234_567, 1_800, 90), 640);
    emit('tool_admitted', toolAdmitted('refund', 'call_1', 'the second order'), 1);
    // The new run begins where the model had not answered yet.
    goOn(SECOND_RUN, 9);
    emit('session_reset', { from_run_id: RUN, to_run_id: SECOND_RUN, at_seq: 2, in_flight: 1 }, 61_000);
    emit('tool_call', {
      reservation: 3,
      tool: 'refund',
      call_id: 'call_1',
      ok: false,
      outcome: 'unknown',
      posted: ONE_CALL,
      elapsed_ms: 61_000,
      error: { code: 'SESSION_RESET' },
    });
    emit('llm_admitted', modelAdmitted(4_500_001, 3_000));
    emit('llm_call', modelAnswered(6, 1_234_567, 1_800, 90), 640);
    emit('session_ended', { outcome: 'answered', reason: null, records: 9, answer: { bytes: 24 } });
    goOn(THIRD_RUN, 13);
    emit('session_reset', { from_run_id: SECOND_RUN, to_run_id: THIRD_RUN, at_seq: 7, in_flight: 0 }, 5_000);
    emit('llm_admitted', modelAdmitted(4_500_001, 3_000));
    emit('llm_call', modelAnswered(10, 7, 1, 0), 333);
    emit('session_ended', { outcome: 'answered', reason: null, records: 13, answer: { bytes: 3 } });
  });
}

/** A conversation with people in it: asked, paused, its budget raised, gone on in another run. */
export function conversed(sessionId: string): readonly AuditRecord[] {
  const digest = sha256('refund of 80');
  return session(sessionId, (emit, goOn) => {
    emit('session_started', started(sessionId, { max_tool_calls: 0 }));
    emit('llm_admitted', modelAdmitted(4_500_001, 3_000), 3);
    emit('llm_call', modelAnswered(1, 1_234_567, 1_800, 90), 640);
    emit('turn_answered', { message_id: null, bytes: 5 });
    emit('message_received', { message_id: 'm1', bytes: 11, via: 'update' }, 90_000);
    emit('session_paused', { by: 'ops@acme.com', reason: null });
    emit('session_resumed', { by: 'ops@acme.com', reason: 'seen to' }, 5_000);
    emit('approval_requested', {
      request: 'apr_7',
      tool: 'refund',
      call_id: 'call_1',
      digest,
      args: { keys: [{ key: 'amount', bytes: 2 }], bytes: 13 },
      quorum: 1,
      expires_at: new Date(STARTED_MS + 500_000).toISOString(),
    });
    const decision = { request: 'apr_7', digest, decision: 'approve', reason: null } as const;
    emit('approval_decided', { ...decision, by: 'zoë@acme.com', outcome: 'refused', why: 'not whom the agent works for' }, 7);
    emit('approval_decided', { ...decision, by: 'bob@acme.com', outcome: 'approved', why: null }, 60_000);
    emit('budget_exceeded', { reason: 'max_tool_calls', asi: 'ASI02', why: 'All are used up.', needed: ONE_CALL });
    emit('budget_raised', { by: 'bob@acme.com', reason: 'worth it', amounts: { usd_nano: 1, tokens: 0, tool_calls: 1 } }, 9);
    emit('tool_admitted', toolAdmitted('refund', 'call_1', 'x'));
    emit('tool_call', toolDone(12, 'refund', 'call_1'), 30);
    emit('approval_expired', { request: 'apr_9' });
    emit('budget_warned', { dimension: 'max_tool_calls', permille: 1_000 });
    goOn(SECOND_RUN, 3);
    emit('session_continued', { from_run_id: RUN, to_run_id: SECOND_RUN }, 1_000);
    emit('session_ended', { outcome: 'answered', reason: null, records: 18, answer: { bytes: 5 } });
  });
}

/** A conversation that was compacted by a summary, which is a call of the model. */
export function compacted(sessionId: string): readonly AuditRecord[] {
  return session(sessionId, (emit) => {
    emit('session_started', started(sessionId, {}));
    emit('llm_admitted', { ...modelAdmitted(4_500_001, 3_000), purpose: 'summary' }, 3);
    emit('llm_call', modelAnswered(1, 1_234_567, 1_800, 90), 640);
    const hashes = { before_transcript: sha256('a conversation'), summary: sha256('a summary') };
    emit('context_compacted', { reservation: 1, ...hashes, summary_bytes: 9, tokens_before: 1_900, tokens_after: 73 });
    emit('session_ended', { outcome: 'answered', reason: null, records: 5, answer: { bytes: 5 } });
  });
}

/** A session that an operator terminated with a tool call and a model call in flight, as `reconcile` closes it. */
export function terminated(sessionId: string): readonly AuditRecord[] {
  const records = session(sessionId, (emit) => {
    emit('session_started', started(sessionId));
    emit('llm_admitted', modelAdmitted(4_500_001, 3_000), 3);
    emit('llm_call', modelAnswered(1, 1_234_567, 1_800, 90), 640);
    emit('tool_admitted', toolAdmitted('refund', 'call_1', 'the third order'), 1);
    emit('llm_admitted', modelAdmitted(4_000_000, 3_000));
  });
  const [first] = records;
  const log = foldRecords(records);
  if (first === undefined || log === null) throw new Error('there are no records to close');
  const closing = { status: 'terminated', runId: RUN, eventId: 31, closedMs: STARTED_MS + 9_500, by: 'ops@acme.com', reason: 'It asked for too much.' } as const;
  return [...records, ...closeLog(first, log, closing)];
}
