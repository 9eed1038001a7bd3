import { deadlineMs } from '../core/ledger.ts';
import { messageOf } from '../core/errors.ts';
import { decide } from '../core/policy.ts';
import { parsePrincipalId } from '../core/principal.ts';
import type { AuditRecord } from '../core/record.ts';
import { safeName } from '../core/redact.ts';
import { type Denial, REFUSALS } from '../core/refusals.ts';
import { sessionFacts } from '../core/session-facts.ts';
import { grantOf, wireAmounts, wireLimits } from '../core/session-state.ts';
import { cutSlice } from '../core/slice.ts';
import type { AskedCall } from '../calls.ts';
import { callKey } from './asked-in-history.ts';
import type { Fate } from './what-if-report.ts';
import {
  exceedAsWell,
  fold,
  kill,
  NOT_HAPPENED,
  ONE_CALL,
  RAN,
  type RecordOf,
  remade,
  shortfall,
  timeOf,
  turnOf,
  type Walk,
  WIRE_NOTHING,
} from './what-if-walk.ts';

/** Judges a tool call that was admitted. */
export function toolAdmitted(walk: Walk, record: RecordOf<'tool_admitted'>): void {
  const { payload } = record;
  const turn = turnOf(walk);
  turn.decided.add(payload.call_id);
  turn.retries.delete(payload.call_id);
  // A further try of a call that would not have run.
  if (turn.refused.has(payload.call_id)) return;
  const asked = askedFor(walk, record);
  if (walk.over && !isTriedOn(walk, payload.attempt > 1)) return neverCame(walk, record, asked, RAN);
  const slice = sliceNow(walk, record);
  const verdict = judge(walk, asked, timeOf(record)) ?? (slice && 'exceeded' in slice ? slice : null);
  if (verdict) return refuse(walk, record, asked, RAN, verdict);
  const given = slice && !('exceeded' in slice) ? slice : {};
  const would = { ...record, payload: { ...payload, ...given, until_ms: deadlineMs(walk.state.ledger) } };
  fold(walk, would);
  walk.pending.set(record.seq, { recorded: record, would });
}

/**
 * What the session of another agent would be given of the budget that there would be; null for any other tool. What it then
 * used is taken as it was: its own log can be played under other rules by itself.
 */
function sliceNow(
  { state }: Walk,
  record: RecordOf<'tool_admitted'>,
): Pick<RecordOf<'tool_admitted'>['payload'], 'reserved' | 'agent'> | { readonly exceeded: Denial } | null {
  const { agent } = record.payload;
  if (!agent) return null;
  const cut = cutSlice(state.ledger, grantOf(agent.limits), 1, timeOf(record));
  if ('shortage' in cut) {
    const { reason } = cut.shortage;
    return { exceeded: { reason, why: REFUSALS[reason].meaning } };
  }
  const { grant, reserved } = cut.slice;
  return { reserved: wireAmounts(reserved), agent: { ...agent, limits: wireLimits(grant) } };
}

/** What a limit ends lets the calls in flight come to their end, further tries too; the deadline stops them. */
function isTriedOn({ over }: Walk, again: boolean): boolean {
  return again && over?.outcome === 'killed' && over.reason !== 'wall_seconds';
}

function neverCame(walk: Walk, record: AuditRecord, asked: AskedCall, was: Fate): void {
  turnOf(walk).refused.add(safeName(asked.id));
  differ(walk, record, asked, { was, wouldBe: NOT_HAPPENED, why: 'the session would have been over' });
}

/** Judges a tool call that was denied. */
export function toolDenied(walk: Walk, record: RecordOf<'tool_denied'>): void {
  const { call_id, reason } = record.payload;
  const turn = turnOf(walk);
  const again = turn.decided.has(call_id);
  turn.decided.add(call_id);
  turn.retries.delete(call_id);
  if (turn.refused.has(call_id)) return;
  const asked = askedFor(walk, record);
  const was: Fate = { what: 'denied', reason, usdNano: null };
  if (walk.over && !isTriedOn(walk, again)) return neverCame(walk, record, asked, was);
  const verdict = judge(walk, asked, timeOf(record));
  if (verdict && 'denied' in verdict && verdict.denied.reason === reason) return fold(walk, record);
  goOnWith(walk, record, asked, was, verdict);
}

/** Posts a tool call that ended. */
export function toolEnded(walk: Walk, record: RecordOf<'tool_call'>): void {
  const { reservation, call_id, retry_in_ms } = record.payload;
  if (retry_in_ms !== undefined) turnOf(walk).retries.set(call_id, timeOf(record) + retry_in_ms);
  // Otherwise it would not have run.
  if (walk.pending.delete(reservation)) fold(walk, record);
}

/**
 * Judges the call of an answer that a limit refused, which ended the session: and where it would not have ended, those that
 * were not tried any more.
 */
export function toolExceeded(walk: Walk, record: RecordOf<'budget_exceeded'>): void {
  const { reason } = record.payload;
  const nowMs = timeOf(record);
  const call = refusedCall(walk, nowMs);
  const verdict = call ? judge(walk, call, nowMs) : exceededBy(walk, nowMs);
  if (call) turnOf(walk).decided.add(call.id);
  if (verdict && 'exceeded' in verdict) {
    // The session would have ended here too.
    exceedAsWell(walk, record, verdict.exceeded.reason);
    if (verdict.exceeded.reason === reason) return;
    if (call)
      differ(walk, record, call, {
        was: killedBy(reason),
        wouldBe: killedBy(verdict.exceeded.reason),
        why: verdict.exceeded.why,
      });
    return;
  }
  walk.goneOnAt ??= record.seq;
  if (call) goOnWith(walk, record, call, killedBy(reason), verdict);
  judgeRest(walk, record);
}

/** Judges the calls of the last answer that were not tried, because the session was over. */
export function judgeRest(walk: Walk, record: AuditRecord): void {
  const turn = turnOf(walk);
  for (const asked of turn.asked.filter(({ id }) => !turn.decided.has(safeName(id)))) {
    if (walk.over) return;
    turn.decided.add(safeName(asked.id));
    goOnWith(
      walk,
      record,
      asked,
      { what: 'not_tried', reason: null, usdNano: null },
      judge(walk, asked, timeOf(record)),
    );
  }
}

type Verdict = { readonly denied: Denial } | { readonly exceeded: Denial } | null;

function killedBy(reason: string): Fate {
  return { what: 'killed', reason, usdNano: null };
}

/** What the guard would say to a tool call; null lets it run. */
function judge(walk: Walk, asked: AskedCall, nowMs: number): Verdict {
  const { policy, principal, state } = walk;
  const { ledger } = state;
  const loop = turnOf(walk).loops.get(safeName(asked.id));
  if (loop) return { denied: loop };
  let denial: Denial | null;
  try {
    denial = decide(policy, asked, { principal, session: sessionFacts(state), ledger }, nowMs);
  } catch (thrown) {
    // As in the guard: a schema that breaks its interpreter denies.
    denial = {
      reason: 'invalid_arguments',
      why: `The arguments of ${asked.tool} can not be checked: ${messageOf(thrown)}.`,
    };
  }
  return denial ? { denied: denial } : (agentBeyond(walk, asked.tool, nowMs) ?? exceededBy(walk, nowMs));
}

/** What the guard says to the call of an agent alone: it is above itself, or there is no slice for it. */
function agentBeyond({ policy, principal, state }: Walk, tool: string, nowMs: number): Verdict {
  const source = policy.tools.get(tool)?.contract.source;
  if (source?.kind !== 'agent') return null;
  const above = [...principal.chain, principal.id].map((id) => parsePrincipalId(id)?.agent);
  if (above.includes(source.agent)) return { denied: { reason: 'agent_cycle', why: REFUSALS.agent_cycle.meaning } };
  const cut = cutSlice(state.ledger, source.limits, 1, nowMs);
  return 'shortage' in cut
    ? { exceeded: { reason: cut.shortage.reason, why: REFUSALS[cut.shortage.reason].meaning } }
    : null;
}

function exceededBy(walk: Walk, nowMs: number): Verdict {
  const exceeded = shortfall(walk, ONE_CALL, nowMs);
  return exceeded && { exceeded };
}

/** A call that did not run as the log has it, and what becomes of it now. */
function goOnWith(walk: Walk, record: AuditRecord, asked: AskedCall, was: Fate, verdict: Verdict): void {
  if (verdict) return refuse(walk, record, asked, was, verdict);
  differ(walk, record, asked, { was, wouldBe: RAN, why: 'nothing forbids it: what it would have done is not known' });
  presume(walk, record, asked);
}

function refuse(walk: Walk, record: AuditRecord, asked: AskedCall, was: Fate, verdict: Exclude<Verdict, null>): void {
  turnOf(walk).refused.add(safeName(asked.id));
  if ('exceeded' in verdict) {
    const { reason, why } = verdict.exceeded;
    differ(walk, record, asked, { was, wouldBe: killedBy(reason), why });
    return kill(walk, record, reason);
  }
  const { reason, why } = verdict.denied;
  differ(walk, record, asked, { was, wouldBe: { what: 'denied', reason, usdNano: null }, why });
  const facts = { tool: asked.tool, call_id: safeName(asked.id), args: { keys: [], bytes: 0 } };
  fold(walk, remade(record, 'tool_denied', { ...facts, reason, asi: '', why }));
}

/** Lets a call run that never did: it takes a tool call, and runs as long as the answer's others. */
function presume(walk: Walk, record: AuditRecord, { tool, id }: AskedCall): void {
  const callId = safeName(id);
  const seq = walk.nextName--;
  const until_ms = deadlineMs(walk.state.ledger);
  const admitted = remade(record, 'tool_admitted', {
    tool,
    call_id: callId,
    attempt: 1,
    digest: '',
    args: { keys: [], bytes: 0 },
    reserved: { ...WIRE_NOTHING, tool_calls: 1 },
    until_ms,
    timeout_ms: 0,
  });
  fold(walk, { ...admitted, seq });
  walk.presumed.push({ seq, tool, callId, record });
}

/** A recorded call with its arguments, which only the history has. */
function askedFor(walk: Walk, record: RecordOf<'tool_admitted' | 'tool_denied'>): AskedCall {
  const { payload } = record;
  const ran =
    record.event === 'tool_admitted'
      ? walk.past.calls.tools.get(callKey(record.seq, record.payload.digest))
      : undefined;
  if (ran) return { id: ran.callId, tool: ran.tool, args: ran.args, problem: null };
  const isIt = ({ id, tool }: AskedCall): boolean =>
    safeName(id) === payload.call_id && safeName(tool) === payload.tool;
  const found = walk.turns.findLast(({ asked }) => asked.some(isIt))?.asked.find(isIt);
  const problem = 'they are not in the history';
  return found ?? { id: payload.call_id, tool: payload.tool, args: null, problem };
}

/** The call that a limit refused: its record does not name it. One that was to be tried again, or the next one asked for. */
function refusedCall(walk: Walk, nowMs: number): AskedCall | null {
  const { asked, decided, retries } = turnOf(walk);
  const again = [...retries].find(([, dueMs]) => dueMs <= nowMs)?.[0];
  if (again !== undefined) retries.delete(again);
  const isIt = (id: string): boolean => (again === undefined ? !decided.has(id) : id === again);
  return asked.find(({ id }) => isIt(safeName(id))) ?? null;
}

function differ(
  walk: Walk,
  { seq, ts }: AuditRecord,
  { tool, id }: Pick<AskedCall, 'tool' | 'id'>,
  { was, wouldBe, why }: { readonly was: Fate; readonly wouldBe: Fate; readonly why: string },
): void {
  const named = { name: safeName(tool), callId: safeName(id) };
  walk.differences.push({ seq, ts, kind: 'tool', ...named, was, wouldBe, why });
}
