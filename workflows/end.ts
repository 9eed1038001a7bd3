import { sleep } from '@temporalio/workflow';
import type { ErrorCode } from '../src/core/errors.ts';
import { limitsInput } from '../src/core/limits.ts';
import type { Denial } from '../src/core/refusals.ts';
import { snapshotOf } from '../src/core/session-state.ts';
import { utf8Bytes } from '../src/core/values.ts';
import type { SessionResult } from '../src/protocol.ts';
import type { Desk } from './desk.ts';
import type { GuardContext } from './guard.ts';
import { flush, type Runner } from './runner.ts';

/** Longest that an ended session waits for a store that does not take its last records. */
const LAST_FLUSH_MS = 3_600_000;
/** The same when the contract's audit is best effort. */
const BEST_EFFORT_FLUSH_MS = 5_000;

/** How a session ends. */
export type End =
  | { readonly kind: 'answered'; readonly answer: string }
  | { readonly kind: 'killed'; readonly denial: Denial }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly why: string };

/** Writes the last record, makes all durable, and sums the session up. */
export async function endSession(guard: GuardContext, runner: Runner, end: End, desk: Desk): Promise<SessionResult> {
  const { journal, contract } = guard;
  const reason = end.kind === 'killed' ? end.denial.reason : end.kind === 'failed' ? end.code : null;
  const answer = end.kind === 'answered' ? { bytes: utf8Bytes(end.answer) } : null;
  const records = journal.state().nextSeq + 1;
  journal.emit('session_ended', { outcome: end.kind, reason, records, answer });
  const result = resultOf(guard, end, reason, records);
  desk.ended(result);
  const waitMs = contract.audit === 'required' ? LAST_FLUSH_MS : BEST_EFFORT_FLUSH_MS;
  // The session is over: the stopper's pause would be cut short by the very cancellation that ended it.
  await flush(journal, guard.contractSha256, Date.now() + waitMs, async (ms) => {
    await sleep(ms, { summary: 'the store does not take the last records' });
    return true;
  });
  runner.stopper.release();
  return result;
}

function resultOf(guard: GuardContext, end: End, reason: SessionResult['reason'], records: number): SessionResult {
  const { ledger } = guard.journal.state();
  return {
    sessionId: guard.sessionId,
    principal: guard.principal.id,
    outcome: end.kind,
    answer: end.kind === 'answered' ? end.answer : null,
    reason,
    why: end.kind === 'killed' ? end.denial.why : end.kind === 'failed' ? end.why : null,
    budget: snapshotOf(ledger, Date.now()),
    limits: limitsInput(ledger.grant),
    records,
  };
}
