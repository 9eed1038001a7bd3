import { Context } from '@temporalio/activity';
import { messageOf } from '../src/core/errors.ts';
import type { AgentOutcome } from '../src/core/record-parts.ts';
import type { AuditRecord } from '../src/core/record.ts';
import { ownCalls } from '../src/core/session-facts.ts';
import { foldLog } from '../src/core/stored-log.ts';
import type { AgentSettled, Envelope, SettleCall } from '../src/calls.ts';
import type { Store } from '../src/store/store.ts';
import type { SessionEnd, SessionLookup } from '../src/temporal/session-lookup.ts';
import { limitText } from '../src/tools/limit.ts';
import type { ContractBook } from './contracts.ts';
import { callFailure } from './failure.ts';
import { keepText } from './transcript.ts';
import { usedByLog, usedWithoutLog } from './used-by-log.ts';

export interface SettleAgentDeps {
  readonly store: Store;
  readonly contracts: ContractBook;
  readonly sessions: SessionLookup;
}

/** Tells a session what one below it came to: what it spent, by its own log, and what it answered. */
export async function settleAgent(deps: SettleAgentDeps, { call }: Envelope<SettleCall>): Promise<AgentSettled> {
  const { store, sessions } = deps;
  const parentId = Context.current().info.workflowExecution?.workflowId ?? '';
  try {
    const status = await sessions.statusOf(call.session);
    if (status === 'running') return { running: true };
    const end = status === 'absent' ? null : await sessions.endOf(call.session);
    const spent = await spentBy(deps, call);
    const { outcome, reason } = spent;
    const told = await keepText(store, parentId, limitText(wordsOf(end, outcome, reason), call.maxBytes));
    return { running: false, ...spent, told };
  } catch (thrown) {
    // Whatever it is, of Temporal's or of the store's: nothing was done, and it is asked again.
    throw callFailure('AUDIT_UNAVAILABLE', 'STORE_FAILED', messageOf(thrown), { started: 'no', retryable: true });
  }
}

async function spentBy(
  { store, contracts }: SettleAgentDeps,
  { session, contractSha256 }: SettleCall,
): Promise<Omit<Extract<AgentSettled, { running: false }>, 'running' | 'told'>> {
  const log = await foldLog(store.records(session));
  if (!log) {
    // The contract of its parent: where that one must store, so must it.
    const used = await usedWithoutLog(contracts, contractSha256);
    return { outcome: used ? 'none' : 'unknown', reason: null, used };
  }
  const last = await store.record(session, log.state.nextSeq - 1);
  const used = await usedByLog(contracts, log);
  return { ...endOf(last), used, ...(used && ownCalls(log.state)) };
}

function endOf(last: AuditRecord | null): { outcome: AgentOutcome; reason: string | null } {
  if (last?.event === 'session_ended') return { outcome: last.payload.outcome, reason: last.payload.reason };
  return { outcome: 'terminated', reason: null };
}

/** What the parent's model is told: the answer, or why there is none. */
function wordsOf(end: SessionEnd | null, outcome: AgentOutcome, reason: string | null): string {
  if (end && 'result' in end && end.result.answer !== null) return end.result.answer;
  const why = end && 'failed' in end ? end.failed.why : end?.result.why;
  return JSON.stringify({ error: 'AgentFailed', outcome, reason, why: why ?? 'It did not answer.' });
}
