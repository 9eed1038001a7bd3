import { canonicalJson } from '../core/canonical.ts';
import { deadlineMs } from '../core/ledger.ts';
import { lostCall } from '../core/lost-call.ts';
import { NO_CALLS } from '../core/loops.ts';
import type { AuditRecord } from '../core/record.ts';
import { emptyState, step, wireLimits } from '../core/session-state.ts';
import { admit, differ, modelAdmitted, modelEnded, reasonOfImpossible } from './what-if-model.ts';
import type { Difference, Ending, Fate, WhatIf } from './what-if-report.ts';
import type { Rules } from './what-if-rules.ts';
import { judgeRest, toolAdmitted, toolDenied, toolEnded, toolExceeded } from './what-if-tool.ts';
import {
  beginWalk,
  endPresumed,
  exceedAsWell,
  fold,
  kill,
  moreTimeMs,
  moveTo,
  newTurn,
  type PastSession,
  RAN,
  type RecordOf,
  remade,
  timeOf,
  turnOf,
  type Walk,
} from './what-if-walk.ts';

/**
 * What other rules would have made of a session: walks through its records, decides each call anew with the guard's own
 * functions, and folds what would have been. Answers of the model and results of tools are taken as they were. Pure and
 * total; with the rules that the session had there is no difference.
 */
export function whatIf(past: PastSession, rules: Rules): WhatIf {
  const walk = beginWalk(past, rules);
  if (rules.refusal) walk.over = { outcome: 'not_opened', reason: rules.refusal.code, seq: 0 };
  let before: AuditRecord | null = null;
  for (const record of past.records) {
    stopByClock(walk, record);
    take(walk, record, before);
    before = record;
  }
  endPresumed(walk);
  const was = endingAsItWas(past.records);
  const differences = walk.differences.toSorted((a, b) => a.seq - b.seq);
  return { was, wouldBe: endingUnder(walk, was), differences, notes: notesOf(walk, differences) };
}

function take(walk: Walk, record: AuditRecord, before: AuditRecord | null): void {
  switch (record.event) {
    case 'session_started':
      return started(walk, record);
    case 'llm_admitted':
      return modelAdmitted(walk, record);
    case 'llm_call':
      return modelEnded(walk, record);
    case 'tool_admitted':
      return toolAdmitted(walk, record);
    case 'tool_denied':
      return toolDenied(walk, record);
    case 'tool_call':
      return toolEnded(walk, record);
    case 'budget_exceeded':
      return walk.over ? undefined : exceeded(walk, record, before);
    case 'cancel_requested':
      return cancelAsked(walk);
    case 'killed_by_switch':
      return switchedOn(walk);
    case 'turn_answered':
      turnOf(walk).recent = NO_CALLS;
      return fold(walk, record);
    case 'context_compacted':
      // The next request counts nothing of what was posted before.
      turnOf(walk).shiftTokens = 0;
      return fold(walk, record);
    case 'contract_migrated':
      return moveTo(walk, record);
    case 'session_reset':
      return wentBack(walk, record);
    case 'session_ended':
      return ended(walk, record);
    default:
      // The end from outside, and what newer versions add.
      return fold(walk, record);
  }
}

function started(walk: Walk, record: RecordOf<'session_started'>): void {
  const { grant } = walk.rules;
  fold(walk, remade(record, 'session_started', { ...record.payload, limits: wireLimits(grant) }));
  if (walk.over || walk.state.ledger.depth <= grant.recursionDepth) return;
  // It is killed by the record after this one.
  kill(walk, { ...record, seq: record.seq + 1 }, 'max_recursion_depth');
}

/** A deadline that comes before the one that there was: it stops what is running, also where another limit ended it all. */
function stopByClock(walk: Walk, record: AuditRecord): void {
  const isOver = walk.over !== null && walk.pending.size === 0;
  if (isOver || walk.cancelled || record.event === 'session_started' || moreTimeMs(walk) >= 0) return;
  const deadline = deadlineMs(walk.state.ledger);
  if (timeOf(record) < deadline) return;
  for (const [seq, { recorded, would }] of walk.pending) {
    const { event, payload } = lostCall(would, deadline, 'CANCELLED');
    fold(walk, remade(record, event, payload));
    const why = `it was running when the ${walk.rules.grant.wallMs / 1000} s would have been over: posted at its reservation`;
    const usdNano = recorded.event === 'llm_admitted' ? would.payload.reserved.usd_nano : null;
    const wouldBe: Fate = { what: 'cancelled', reason: 'wall_seconds', usdNano };
    if (recorded.event === 'llm_admitted') differ(walk, recorded, { was: RAN, wouldBe, why });
    else {
      const { tool: name, call_id: callId } = recorded.payload;
      walk.differences.push({ seq, ts: recorded.ts, kind: 'tool', name, callId, was: RAN, wouldBe, why });
    }
  }
  walk.pending.clear();
  kill(walk, record, 'wall_seconds');
}

/** Who asks to cancel sees a cancelled session, whatever limit ended it, as long as something still ran. */
function cancelAsked(walk: Walk): void {
  if (walk.over === null) walk.cancelled = true;
  else if (walk.over.reason !== 'wall_seconds' && walk.pending.size > 0)
    walk.over = { outcome: 'cancelled', reason: null, seq: null };
}

/** The kill switch ends a session as a cancellation does: whatever limit ended it, as long as something still ran. */
function switchedOn(walk: Walk): void {
  if (walk.over === null) walk.cancelled = true;
  else if (walk.over.reason !== 'wall_seconds' && walk.pending.size > 0)
    walk.over = { outcome: 'killed', reason: 'kill_switch', seq: null };
}

/** A limit that ended the session: whether it would have ended it too. */
function exceeded(walk: Walk, record: RecordOf<'budget_exceeded'>, before: AuditRecord | null): void {
  const { needed, reason } = record.payload;
  if (before?.event === 'llm_call' && before.payload.usage_state === 'impossible') return countExceeded(walk, record);
  if (needed.tool_calls > 0) return toolExceeded(walk, record);
  const nowMs = timeOf(record);
  if (needed.tokens === 0 || reason === 'wall_seconds') {
    // The clock: it is the deadline alone that counts.
    if (moreTimeMs(walk) > 0 && nowMs < deadlineMs(walk.state.ledger)) walk.goneOnAt ??= record.seq;
    else exceedAsWell(walk, record, 'wall_seconds');
    return;
  }
  const { minOutputTokens } = walk.was.model;
  endPresumed(walk);
  const room = admit(walk, needed.tokens - minOutputTokens + turnOf(walk).shiftTokens, nowMs);
  const was: Fate = { what: 'killed', reason, usdNano: null };
  if (!('refusal' in room)) {
    walk.goneOnAt ??= record.seq;
    return differ(walk, record, { was, wouldBe: RAN, why: 'it fits: what the model would have answered is not known' });
  }
  exceedAsWell(walk, record, room.refusal.reason);
  if (room.refusal.reason === reason) return;
  const wouldBe: Fate = { ...was, reason: room.refusal.reason };
  differ(walk, record, { was, wouldBe, why: room.refusal.why });
}

/** A provider's count that could not be, as the session was. */
function countExceeded(walk: Walk, record: RecordOf<'budget_exceeded'>): void {
  const { reason } = record.payload;
  const was: Fate = { what: 'killed', reason, usdNano: null };
  if (walk.impossible !== null) {
    const would = reasonOfImpossible(walk);
    exceedAsWell(walk, record, would);
    if (would === reason) return;
    return differ(walk, record, { was, wouldBe: { ...was, reason: would }, why: walk.impossible });
  }
  walk.goneOnAt ??= record.seq;
  differ(walk, record, { was, wouldBe: RAN, why: "the provider's count could have been" });
  judgeRest(walk, record);
}

/** An operator's reset: the run goes on from an earlier answer, the one at `at_seq` or before it, and runs its calls anew. */
function wentBack(walk: Walk, record: RecordOf<'session_reset'>): void {
  fold(walk, record);
  const back = walk.turns.findLast(({ seq }) => seq <= record.payload.at_seq);
  if (back) walk.turns.push(newTurn(back));
  walk.answered = false;
  walk.exceeded = null;
  walk.cancelled = false;
}

function ended(walk: Walk, record: RecordOf<'session_ended'>): void {
  endPresumed(walk);
  if (walk.over) return;
  fold(walk, record);
  if (record.payload.reason === 'max_recursion_depth') walk.goneOnAt ??= record.seq;
}

const ENDS: ReadonlySet<string> = new Set(['session_ended', 'session_terminated', 'session_reset']);

function endingAsItWas(records: readonly AuditRecord[]): Ending {
  let state = emptyState();
  for (const record of records) state = step(state, record);
  const { posted } = state.ledger;
  const last = records.findLast(({ event }) => ENDS.has(event));
  if (last?.event === 'session_terminated') {
    return { outcome: 'terminated', reason: last.payload.status, seq: null, ...posted };
  }
  if (last?.event !== 'session_ended') return { outcome: 'not_ended', reason: null, seq: null, ...posted };
  const { outcome, reason } = last.payload;
  if (outcome !== 'killed') return { outcome, reason, seq: null, ...posted };
  const from = records.findLast(({ event }) => event === 'session_reset')?.seq ?? 0;
  const by = records.find((one) => one.seq > from && one.event === 'budget_exceeded' && one.payload.reason === reason);
  return { outcome, reason, seq: (by ?? last).seq, ...posted };
}

function endingUnder(walk: Walk, was: Ending): Ending {
  const { posted } = walk.state.ledger;
  if (walk.over) return { ...walk.over, ...posted };
  if (walk.goneOnAt === null) return { ...was, ...(was.outcome === 'killed' ? walk.exceeded : null), ...posted };
  if (walk.answered) return { outcome: 'answered', reason: null, seq: null, ...posted };
  return { outcome: 'unknown', reason: null, seq: walk.goneOnAt, ...posted };
}

function notesOf({ was, rules, goneOnAt, over, answered }: Walk, differences: readonly Difference[]): string[] {
  const any = (what: Fate['what']): boolean => differences.some(({ wouldBe }) => wouldBe.what === what);
  const others = differences.some(({ was, wouldBe }) => was.what !== 'ran' && wouldBe.what === 'ran');
  const model = `${rules.contract.model.provider}/${rules.contract.model.name}`;
  const sameModel = model === `${was.model.provider}/${was.model.name}`;
  const notes: readonly (readonly [boolean, string])[] = [
    [!sameModel, `The model would have been ${model}: its answers and its tokens are taken as they were.`],
    [
      rules.contract.instructions !== was.instructions,
      'The instructions would have been others: what the model answered is taken as it was.',
    ],
    [
      canonicalJson(rules.contract.context ?? null) !== canonicalJson(was.context ?? null),
      'The conversation would have been compacted at another size: where it was is taken as it was.',
    ],
    [rules.refusal !== null, `The session would not have been opened: ${rules.refusal?.why ?? ''}`],
    [
      any('denied'),
      'Where a call would have been denied, the model would have been told so, and may have gone another way: what follows is taken as it was.',
    ],
    [
      others,
      'Where a call would have run, neither its effect nor what the model would have done then is known: what follows is taken as it was.',
    ],
    [any('cut'), 'Where an answer would have been cut off, what follows is taken as it was.'],
    [
      goneOnAt !== null && !over && !answered,
      `From record ${goneOnAt} on the session would have gone on: what then is not known, and not counted.`,
    ],
  ];
  return notes.filter(([holds]) => holds).map(([, note]) => note);
}
