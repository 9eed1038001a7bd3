import { setCurrentDetails, setHandler, defineQuery, upsertMemo } from '@temporalio/workflow';
import { limitsInput } from '../src/core/limits.ts';
import type { AuditRecord } from '../src/core/record.ts';
import { snapshotOf } from '../src/core/session-state.ts';
import type { Searchable } from '../src/core/searchable.ts';
import { SESSION_QUERY, type SessionResult, type SessionView } from '../src/protocol.ts';
import { sessionDetails } from './details.ts';
import type { GuardContext } from './guard.ts';
import { markForSearch, phaseOf, type Talking } from './searchable.ts';

/** What an operator sees of a session in the Temporal UI, and what the query `session` answers. */
export interface Desk {
  ended(result: SessionResult): void;
}

/**
 * Publishes the session: memo and search attributes for lists, details for its page, a query for programs.
 *
 * @param searchable the search attributes that it may set
 */
export function publishView(guard: GuardContext, inbox: Talking, searchable: readonly Searchable[] = []): Desk {
  const { contract, principal } = guard;
  let result: SessionResult | null = null;
  const view = (fromSeq?: number): SessionView => viewOf(guard, inbox, result, fromSeq);
  setHandler(defineQuery<SessionView, [number?]>(SESSION_QUERY), view, {
    description: 'The session: principal, ledger, what it does now, and its last records.',
  });
  upsertMemo({ agent: contract.agent, version: contract.version, user: principal.user });
  // Read when somebody looks: nothing is written to history for it.
  guard.journal.onChange(() => setCurrentDetails(sessionDetails(view())));
  setCurrentDetails(sessionDetails(view()));
  const marks = markForSearch(guard, searchable, () => phaseOf(guard, inbox, result));
  return {
    ended(end) {
      result = end;
      const { outcome, reason, budget } = end;
      marks.ended(end);
      // Temporal's command that cancels a workflow takes no details: this is where a cancelled session leaves its result.
      upsertMemo({ outcome, reason, usd: budget.usd_used, ...(outcome === 'cancelled' ? { result: end } : {}) });
      setCurrentDetails(sessionDetails(view()));
    },
  };
}

function viewOf(guard: GuardContext, inbox: Talking, result: SessionResult | null, fromSeq?: number): SessionView {
  const { journal, principal, contract } = guard;
  const { ledger, nextSeq } = journal.state();
  return {
    sessionId: guard.sessionId,
    principal,
    model: `${contract.model.provider}/${contract.model.name}`,
    contractSha256: guard.contractSha256,
    ledger,
    budget: snapshotOf(ledger, Date.now()),
    limits: limitsInput(ledger.grant),
    phase: phaseOf(guard, inbox, result),
    doing: doingNow(guard, inbox, result),
    approvals: guard.approvals.waiting(),
    result,
    nextSeq,
    records: journal.tail(fromSeq ?? Math.max(0, nextSeq - 20)),
  };
}

/** From these records on everything that is in flight is stopped. */
const STOPS: ReadonlySet<AuditRecord['event']> = new Set(['cancel_requested', 'killed_by_switch']);

function doingNow({ journal, approvals, purse }: GuardContext, inbox: Talking, result: SessionResult | null): string {
  if (result) return result.reason ? `ended: ${result.outcome}, ${result.reason}` : `ended: ${result.outcome}`;
  const { paused } = journal.state();
  const asked = approvals.waiting().map(({ tool, request }) => `approval of ${tool} (${request})`);
  const inFlight = journal.tail().filter(({ seq }) => journal.state().ledger.pending.some((one) => one.seq === seq));
  const running = inFlight.map((record) => (record.event === 'tool_admitted' ? record.payload.tool : 'the model'));
  const names = [...running, ...asked, ...(purse.isAsking() ? ['a larger budget (aegrail topup)'] : [])];
  const stopping = journal.tail().some(({ event }) => STOPS.has(event)) ? 'stopping, ' : '';
  const held = paused && `paused by ${paused.by}${paused.reason === null ? '' : ` (${paused.reason})`}`;
  if (held) return names.length === 0 ? `${stopping}${held}` : `${stopping}${held}, waiting for ${names.join(', ')}`;
  return `${stopping}${names.length === 0 ? betweenCalls(journal.tail().at(-1), inbox.isIdle()) : `waiting for ${names.join(', ')}`}`;
}

function betweenCalls(last: AuditRecord | undefined, isIdle: boolean): string {
  if (isIdle || last?.event === 'turn_answered') return 'waiting for what is said next';
  const failed = last?.event === 'llm_call' || last?.event === 'tool_call' ? last : null;
  const waitMs = failed?.payload.retry_in_ms;
  if (!failed || waitMs === undefined) return 'between two calls';
  const what = failed.event === 'tool_call' ? failed.payload.tool : 'the model';
  return `waiting ${Math.ceil(waitMs / 1000)} s before the next try of ${what}`;
}
