import { uuid4 } from '@temporalio/workflow';
import { type CompiledApproval, whyAsked } from '../src/core/approval.ts';
import { canonicalJson } from '../src/core/canonical.ts';
import type { Contract } from '../src/core/contract.ts';
import { messageOf } from '../src/core/errors.ts';
import { type Amounts, deadlineMs, NOTHING, shortageOf } from '../src/core/ledger.ts';
import { boundModelCall, type ModelBound } from '../src/core/model-bound.ts';
import { celFacts, decide, type Facts, type Policy, usedNano } from '../src/core/policy.ts';
import type { Principal } from '../src/core/principal.ts';
import type { WireAmounts } from '../src/core/record-parts.ts';
import { redactArgs, safeName } from '../src/core/redact.ts';
import { type Denial, REFUSALS } from '../src/core/refusals.ts';
import { sessionFacts } from '../src/core/session-facts.ts';
import { wireAmounts } from '../src/core/session-state.ts';
import { sha256Hex } from '../src/core/sha256.ts';
import type { AgentCall, AskedCall, ModelCall, Permit, ToolCall } from '../src/calls.ts';
import type { Accounts } from './accounts.ts';
import type { Approvals } from './approvals.ts';
import type { Journal } from './journal.ts';
import type { Purse } from './purse.ts';
import type { LoopWatch } from './loops.ts';
import type { Migrations } from './migrate.ts';
import type { TermsHolder } from './terms.ts';

/** An admitted call: decided, recorded and reserved, with its permit. Only the guard makes them. */
export interface Admitted<Call> {
  readonly call: Call;
  readonly permit: Permit;
  readonly reserved: Amounts;
  readonly timeoutMs: number;
  readonly startedMs: number;
}

/** The guard's word on a call. `denied` goes back to the model, `exceeded` ends the session. */
export type Admission<Call> =
  | { readonly admitted: Admitted<Call> }
  | { readonly denied: Denial }
  | { readonly exceeded: Denial };

/** What the guard decides with. */
export interface GuardContext {
  readonly sessionId: string;
  readonly contract: Contract;
  readonly contractSha256: string;
  /** Bytes of instructions and tool declarations: what a conversation begins with that begins anew. */
  readonly promptBytes: number;
  readonly policy: Policy;
  readonly principal: Principal;
  readonly salt: string;
  /** Sessions above this one, its parent last. */
  readonly above: readonly string[];
  /** What `contract`, `contractSha256`, `promptBytes`, `policy` and `loops` are read from: a migration replaces them. */
  readonly terms: TermsHolder;
  readonly migrations: Migrations;
  readonly journal: Journal;
  readonly approvals: Approvals;
  readonly purse: Purse;
  readonly loops: LoopWatch;
  readonly accounts: Accounts;
}

/** What is new in a model call. */
export interface ModelRequest {
  readonly transcript: string | null;
  readonly append: ModelCall['append'];
  readonly inputBoundTokens: number;
  readonly attempt: number;
  /** What is asked for, if not the next turn. */
  readonly purpose: ModelCall['purpose'];
}

/** Decides, records and reserves a model call. */
export function admitModel(guard: GuardContext, request: ModelRequest): Admission<ModelCall> {
  const { contract, journal } = guard;
  const { ledger } = journal.state();
  const room = boundModelCall(contract.model, ledger, request.inputBoundTokens);
  if ('refusal' in room) {
    const { usdNano, tokens } = room.refusal.needed;
    return exceeded(guard, room.refusal, wireAmounts({ usdNano, tokens, toolCalls: 0 }));
  }
  const { bound } = room;
  const reserved = { usdNano: bound.usdNano, tokens: bound.inputTokens + bound.maxOutputTokens, toolCalls: 0 };
  const shortage = shortfall(guard, reserved);
  if (shortage) return exceeded(guard, shortage, wireAmounts(reserved));
  const timeoutMs = timeoutFor(guard, contract.model.timeoutMs);
  const purpose = request.purpose && { purpose: request.purpose };
  const call: ModelCall = {
    contractSha256: guard.contractSha256,
    transcript: request.transcript,
    append: request.append,
    ...purpose,
    maxOutputTokens: bound.maxOutputTokens,
    inputBoundTokens: bound.inputTokens,
    timeoutMs,
  };
  const permit = permitFor(guard, 'model', call);
  journal.emit('llm_admitted', {
    ...modelFacts(contract, bound),
    attempt: request.attempt,
    digest: permit.digest,
    reserved: wireAmounts(reserved),
    until_ms: permit.untilMs,
    timeout_ms: timeoutMs,
    ...purpose,
  });
  return { admitted: { call, permit, reserved, timeoutMs, startedMs: Date.now() } };
}

/** Decides, records and reserves a tool call. A denied one costs no activity. */
export function admitTool(
  guard: GuardContext,
  asked: AskedCall,
  retry: { readonly attempt: number; readonly idempotencyKey: string | null },
): Admission<ToolCall> {
  const { contract, journal, principal } = guard;
  const denial = judge(guard, asked);
  const tool = Object.hasOwn(contract.tools, asked.tool) ? contract.tools[asked.tool] : undefined;
  const args = redactArgs(asked.args, tool?.redact ?? null);
  if (denial || !tool) return refused(guard, asked, denial ?? NEVER, args);
  const reserved = { ...NOTHING, toolCalls: 1 };
  const shortage = shortfall(guard, reserved);
  if (shortage) return exceeded(guard, shortage, wireAmounts(reserved));
  const timeoutMs = timeoutFor(guard, tool.timeoutMs);
  const call: ToolCall = {
    contractSha256: guard.contractSha256,
    tool: asked.tool,
    args: asked.args,
    callId: asked.id,
    principal: { id: principal.id, user: principal.user },
    idempotencyKey: tool.idempotent ? (retry.idempotencyKey ?? uuid4()) : null,
    timeoutMs,
  };
  const permit = permitFor(guard, 'tool', call);
  journal.emit('tool_admitted', {
    tool: asked.tool,
    call_id: safeName(asked.id),
    attempt: retry.attempt,
    digest: permit.digest,
    args,
    reserved: wireAmounts(reserved),
    until_ms: permit.untilMs,
    timeout_ms: timeoutMs,
  });
  return { admitted: { call, permit, reserved, timeoutMs, startedMs: Date.now() } };
}

/** What the policy says to a call; null permits it. */
export function judge({ journal, policy, principal }: GuardContext, asked: AskedCall): Denial | null {
  const facts = { principal, session: sessionFacts(journal.state()), ledger: journal.state().ledger };
  return decided(asked.tool, () => decide(policy, asked, facts, Date.now()));
}

/**
 * What a call that waits for people is decided with; null when nobody has to be asked, or it is denied anyhow.
 *
 * @param loop what the loop rule says to it, where the contract has people decide of that
 */
export function approvalNeeded(
  guard: GuardContext,
  asked: AskedCall,
  loop: Denial | null,
): { readonly compiled: CompiledApproval; readonly facts: Facts; readonly why: string } | null {
  const own = guard.policy.tools.get(asked.tool)?.approval;
  const compiled = own ?? (loop ? ANYBODY : null);
  if (!compiled) return null;
  if (judge(guard, asked)) return null;
  const { journal, principal } = guard;
  const { ledger } = journal.state();
  const session = sessionFacts(journal.state());
  const facts: Facts = { principal, session, ledger, args: asked.args as Facts['args'] };
  const why = loop ? loop.why : whyAsked(compiled, celFacts(facts), usedNano(facts));
  return why === null ? null : { compiled, facts, why };
}

/** Who decides of a call that loops, and whose tool says nothing of that: anybody but whom the agent works for, within a day. */
const ANYBODY: CompiledApproval = {
  rule: {
    when: null,
    quorum: 1,
    approvers: null,
    excludeUser: true,
    expiresMs: 86_400_000,
    show: 'redacted',
  },
  when: null,
  approvers: null,
};

/** A tool that the policy knows and the contract does not: can't be, and fails closed if it is. */
const NEVER: Denial = { reason: 'not_registered', why: 'The contract has no tool of this name.' };

/** Longest reason of a refusal, in UTF-16 units: 256 of them go to the model in one payload. */
const MAX_WHY = 1_000;

/**
 * What the policy says. A schema that breaks its interpreter denies: thrown here, it would fail the workflow task for ever.
 * Words of a schema or a rule quote what the model wrote, and may be cut in the middle of a character.
 */
function decided(tool: string, decision: () => Denial | null): Denial | null {
  try {
    const denial = decision();
    return denial && { ...denial, why: denial.why.slice(0, MAX_WHY).toWellFormed() };
  } catch (thrown) {
    const why = `The arguments of ${tool} can not be checked: ${messageOf(thrown).slice(0, 300)}.`;
    return { reason: 'invalid_arguments', why: why.toWellFormed() };
  }
}

/**
 * Decides whether a call goes round in circles, before anything else is asked of it. A denial is recorded.
 *
 * @returns `refused`, or what people are to be asked about where the contract says so
 */
export function judgeLoop(
  guard: GuardContext,
  asked: AskedCall,
): { readonly refused: Denial | null; readonly asks: Denial | null } {
  const denial = guard.loops.judge(asked);
  if (!denial || guard.contract.loops?.onRepeat === 'ask') return { refused: null, asks: denial };
  denyTool(guard, asked, denial);
  return { refused: denial, asks: null };
}

/** Records a denial that is not the policy's: a person's, or that of the loop rule. */
export function denyTool(guard: GuardContext, asked: AskedCall, denial: Denial): void {
  const tool = Object.hasOwn(guard.contract.tools, asked.tool) ? guard.contract.tools[asked.tool] : undefined;
  refused(guard, asked, denial, redactArgs(asked.args, tool?.redact ?? null));
}

function refused<Call>(
  guard: GuardContext,
  asked: AskedCall,
  denial: Denial,
  args: ReturnType<typeof redactArgs>,
): Admission<Call> {
  guard.journal.emit('tool_denied', {
    tool: safeName(asked.tool),
    call_id: safeName(asked.id),
    reason: denial.reason,
    asi: REFUSALS[denial.reason].asi,
    why: denial.why,
    args,
  });
  return { denied: denial };
}

/** Records that a limit is in the way. */
export function exceeded<Call>(guard: GuardContext, denial: Denial, needed: WireAmounts): Admission<Call> {
  const { reason, why } = guard.accounts.blamed(guard.journal.state().ledger, denial, needed);
  guard.journal.emit('budget_exceeded', { reason, asi: REFUSALS[reason].asi, why, needed });
  return { exceeded: { reason, why } };
}

/** A limit that a reservation would break, told to a person. */
function shortfall(guard: GuardContext, amounts: Amounts): Denial | null {
  const { ledger } = guard.journal.state();
  const wanted = { amounts, untilMs: deadlineMs(ledger), depth: ledger.depth };
  const shortage = shortageOf(ledger, wanted, Date.now());
  if (!shortage) return null;
  const { reason, needed, remaining } = shortage;
  return { reason, why: `${REFUSALS[reason].meaning} Needed: ${needed}, left: ${remaining}.` };
}

/** Start-to-close of a call: min(its own timeout, what is left of the wall clock). */
function timeoutFor(guard: GuardContext, ownMs: number): number {
  return Math.max(1, Math.min(ownMs, deadlineMs(guard.journal.state().ledger) - Date.now()));
}

/** The right to run a call, named after the next record: the one that admits it. */
export function permitFor(guard: GuardContext, kind: Permit['kind'], call: ModelCall | ToolCall | AgentCall): Permit {
  const { sessionId, salt, journal, above } = guard;
  const { nextSeq, ledger } = journal.state();
  const digest = sha256Hex(canonicalJson({ call, kind, salt }));
  const permit = { sessionId, seq: nextSeq, kind, digest, salt, untilMs: deadlineMs(ledger) };
  return above.length === 0 ? permit : { ...permit, above };
}

function modelFacts(
  contract: Contract,
  bound: ModelBound,
): { model: string; input_bound_tokens: number; max_output_tokens: number } {
  return {
    model: `${contract.model.provider}/${contract.model.name}`,
    input_bound_tokens: bound.inputTokens,
    max_output_tokens: bound.maxOutputTokens,
  };
}
