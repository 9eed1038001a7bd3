import { type Cost, costNano } from '../core/cost.ts';
import { type Amounts, deadlineMs, NOTHING } from '../core/ledger.ts';
import { boundModelCall, type ModelBound } from '../core/model-bound.ts';
import type { Usage } from '../core/price.ts';
import type { AuditRecord } from '../core/record.ts';
import type { Denial } from '../core/refusals.ts';
import { amountsOf, usageOf, wireAmounts } from '../core/session-state.ts';
import { formatUsd } from '../core/units.ts';
import { inputTokensOf, totalTokens } from '../core/usage.ts';
import type { ModelAnswer } from '../calls.ts';
import { callKey } from './asked-in-history.ts';
import type { Fate } from './what-if-report.ts';
import {
  endPresumed,
  fold,
  judgeLoops,
  kill,
  newTurn,
  NOT_HAPPENED,
  RAN,
  type RecordOf,
  remade,
  shortfall,
  timeOf,
  turnOf,
  type Walk,
} from './what-if-walk.ts';

/** Judges a model call that was admitted. */
export function modelAdmitted(walk: Walk, record: RecordOf<'llm_admitted'>): void {
  endPresumed(walk);
  const { payload } = record;
  if (walk.over)
    return differ(walk, record, { was: RAN, wouldBe: NOT_HAPPENED, why: 'the session would have been over' });
  const room = admit(walk, payload.input_bound_tokens + turnOf(walk).shiftTokens, timeOf(record));
  if ('refusal' in room) {
    const { reason, why } = room.refusal;
    differ(walk, record, { was: RAN, wouldBe: { what: 'killed', reason, usdNano: null }, why });
    return kill(walk, record, reason);
  }
  const { bound, reserved } = room;
  const would = remade(record, 'llm_admitted', {
    ...payload,
    model: modelName(walk),
    reserved: wireAmounts(reserved),
    until_ms: deadlineMs(walk.state.ledger),
    input_bound_tokens: bound.inputTokens,
    max_output_tokens: bound.maxOutputTokens,
  }) as RecordOf<'llm_admitted'>;
  fold(walk, would);
  walk.pending.set(record.seq, { recorded: record, would });
}

/** What the guard would say to a model call. */
export function admit(
  walk: Walk,
  inputTokens: number,
  nowMs: number,
): { readonly refusal: Denial } | { readonly bound: ModelBound; readonly reserved: Amounts } {
  const room = boundModelCall(walk.rules.contract.model, walk.state.ledger, inputTokens);
  if ('refusal' in room) return room;
  const { bound } = room;
  const reserved = { usdNano: bound.usdNano, tokens: bound.inputTokens + bound.maxOutputTokens, toolCalls: 0 };
  const refusal = shortfall(walk, reserved, nowMs);
  return refusal ? { refusal } : { bound, reserved };
}

/** Posts a model call that ended, as it would have been billed. */
export function modelEnded(walk: Walk, record: RecordOf<'llm_call'>): void {
  const call = walk.pending.get(record.payload.reservation);
  walk.pending.delete(record.payload.reservation);
  if (call?.recorded.event !== 'llm_admitted' || call.would.event !== 'llm_admitted') return;
  const reserved = amountsOf(call.would.payload.reserved);
  const { outcome } = record.payload;
  if (outcome !== 'ok') return posted(walk, record, outcome === 'not_started' ? NOTHING : reserved, HELD_BACK);
  const { recorded, would } = call;
  const answer = walk.past.calls.answers.get(callKey(recorded.seq, recorded.payload.digest)) ?? null;
  const said = whatWasCounted(record, answer);
  const { max_output_tokens: mostTokens, input_bound_tokens: mostInput } = would.payload;
  const isCut = mostTokens < recorded.payload.max_output_tokens && (said.usage?.outputTokens ?? 0) > mostTokens;
  const usage = said.usage && fitted(said.usage, mostInput, isCut ? mostTokens : said.usage.outputTokens);
  const counted = countedUnder(walk, reserved, { ...said, usage });
  walk.impossible = counted.problem;
  // A summary is no turn: it asks for nothing, and answers nobody.
  if (recorded.payload.purpose === undefined) {
    const shiftTokens = counted.used.tokens - record.payload.posted.tokens;
    const asked = answer?.asked ?? [];
    walk.turns.push(newTurn({ seq: record.seq, asked, shiftTokens, ...judgeLoops(walk, asked) }));
    walk.answered = (record.payload.tool_calls_asked ?? 0) === 0;
  }
  if (counted.problem !== null && record.payload.usage_state !== 'impossible') {
    fold(walk, remade(record, 'llm_call', { ...record.payload, posted: wireAmounts(counted.used) }));
    return impossibleNow(walk, record, counted.used.usdNano, counted.problem);
  }
  const why = usage === null ? HELD_BACK : `its usage at the prices of ${sourceOf(walk)}`;
  posted(walk, record, counted.used, isCut ? `its answer could have had ${mostTokens} tokens` : why, isCut);
}

const HELD_BACK = 'posted at its reservation';

/** Folds the end of a call, and tells of it when it costs other than it did. */
function posted(walk: Walk, record: RecordOf<'llm_call'>, used: Amounts, why: string, isCut = false): void {
  const { payload } = record;
  fold(walk, remade(record, 'llm_call', { ...payload, posted: wireAmounts(used) }));
  if (!isCut && used.usdNano === payload.posted.usd_nano) return;
  const wouldBe: Fate = { what: isCut ? 'cut' : 'ran', reason: null, usdNano: used.usdNano };
  differ(walk, record, { was: { ...RAN, usdNano: payload.posted.usd_nano }, wouldBe, why });
}

/** A count that the other rules would not have taken: nothing after it could be bounded. */
function impossibleNow(walk: Walk, record: RecordOf<'llm_call'>, usdNano: number, problem: string): void {
  const reason = reasonOfImpossible(walk);
  const why = `The provider's count could not have been: ${problem}.`;
  const was = { ...RAN, usdNano: record.payload.posted.usd_nano };
  differ(walk, record, { was, wouldBe: { what: 'killed', reason, usdNano }, why });
  kill(walk, record, reason);
}

/** The limit that a count which can not be is told as. */
export function reasonOfImpossible({ rules: { contract } }: Walk): 'usd' | 'tokens' {
  return contract.limits.usdNano === null ? 'tokens' : 'usd';
}

/** Adds a difference about a model call. */
export function differ(
  walk: Walk,
  record: AuditRecord,
  { was, wouldBe, why }: { readonly was: Fate; readonly wouldBe: Fate; readonly why: string },
): void {
  const { model } = walk.was;
  const name = `${model.provider}/${model.name}`;
  walk.differences.push({ seq: record.seq, ts: record.ts, kind: 'model', name, callId: null, was, wouldBe, why });
}

interface Counted {
  readonly usage: Usage | null;
  readonly problem: string | null;
}

/** What the provider counted, from the record where it is there, and otherwise from the answer. */
function whatWasCounted({ payload }: RecordOf<'llm_call'>, answer: ModelAnswer | null): Counted {
  if (payload.usage) return { usage: usageOf(payload.usage), problem: null };
  if (payload.usage_state !== 'impossible') return { usage: null, problem: null };
  const usage = answer?.usage ?? null;
  const problem = answer?.usageProblem ?? null;
  return { usage, problem: problem ?? (usage ? null : 'the history does not say what was counted') };
}

/** What a count comes to, by the same rule as in the session's workflow. */
function countedUnder(
  { rules }: Walk,
  reserved: Amounts,
  { usage, problem }: Counted,
): { readonly used: Amounts; readonly problem: string | null } {
  if (problem !== null || usage === null) return { used: reserved, problem };
  const { price } = rules.contract.model;
  const cost: Cost = price === null ? { usdNano: 0 } : costNano(price, usage);
  if ('unpriceable' in cost) return { used: reserved, problem: cost.unpriceable };
  const { usdNano } = cost;
  if (usdNano <= reserved.usdNano)
    return { used: { usdNano, tokens: totalTokens(usage), toolCalls: 0 }, problem: null };
  const over = `it costs ${formatUsd(usdNano)}, above the ${formatUsd(reserved.usdNano)} reserved`;
  return { used: reserved, problem: over };
}

/** A usage with an answer of so many tokens, and with no more input than could have been: answers before it may be shorter. */
function fitted(usage: Usage, mostInput: number, outputTokens: number): Usage {
  let over = Math.max(0, inputTokensOf(usage) - mostInput);
  const less = (tokens: number): number => {
    const taken = Math.min(tokens, over);
    over -= taken;
    return tokens - taken;
  };
  return {
    ...usage,
    inputTokens: less(usage.inputTokens),
    cacheReadTokens: less(usage.cacheReadTokens),
    cacheWriteTokens: less(usage.cacheWriteTokens),
    cacheWrite1hTokens: less(usage.cacheWrite1hTokens),
    outputTokens,
    reasoningTokens: Math.min(usage.reasoningTokens, outputTokens),
  };
}

function modelName({ rules }: Walk): string {
  return `${rules.contract.model.provider}/${rules.contract.model.name}`;
}

function sourceOf({ rules }: Walk): string {
  const { price } = rules.contract.model;
  return price === null ? 'nobody: the model has none there' : `${price.source} for ${price.model}`;
}
