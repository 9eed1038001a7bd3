import { deadlineMs, NOTHING, shortageOf, type Amounts } from '../core/ledger.ts';
import { compilePolicy, type Policy } from '../core/policy.ts';
import { makePrincipal, parsePrincipalId, type Principal } from '../core/principal.ts';
import type { AuditRecord, EventName } from '../core/record.ts';
import { type Denial, REFUSALS } from '../core/refusals.ts';
import { emptyState, grantOf, type SessionState, step, wireLimits } from '../core/session-state.ts';
import type { Contract } from '../core/contract.ts';
import { judgeCall, NO_CALLS, type RecentCalls } from '../core/loops.ts';
import { safeName } from '../core/redact.ts';
import type { AskedCall } from '../calls.ts';
import type { CallsInHistory } from './asked-in-history.ts';
import type { Difference, Fate } from './what-if-report.ts';
import type { Rules } from './what-if-rules.ts';

/** A record of one event. */
export type RecordOf<E extends EventName> = Extract<AuditRecord, { event: E }>;

/** A session as its history has it. */
export interface PastSession {
  readonly records: readonly AuditRecord[];
  /** The contract that it was pinned to. */
  readonly contract: Contract;
  readonly calls: Pick<CallsInHistory, 'answers' | 'tools' | 'contracts'>;
}

/** An answer of the model, and what became of the calls that it asks for. */
export interface Turn {
  /** The record of the answer; -1 before the first one. */
  readonly seq: number;
  readonly asked: readonly AskedCall[];
  /** Tokens by which the next request's bound is other than it was: the bound counts what the answer was posted at. */
  shiftTokens: number;
  /** Ids of calls that the log has decided. */
  readonly decided: Set<string>;
  /** Ids of those that would not have run, or not again: their further tries neither. */
  readonly refused: Set<string>;
  /** Tries that are to be repeated: by the id of the call, when; milliseconds since the epoch. */
  readonly retries: Map<string, number>;
  /** What the loop rule says to its calls, by their ids: once, in the order in which they were asked for. */
  readonly loops: ReadonlyMap<string, Denial>;
  /** The calls that the loop rule remembers after them. */
  recent: RecentCalls;
}

/** How far a session has been walked through, under other rules. */
export interface Walk {
  readonly past: PastSession;
  /** The contract that it was held to by then. */
  was: Contract;
  /** The wall clock that it had by then. */
  hadWallMs: number;
  rules: Rules;
  policy: Policy;
  principal: Principal;
  /** The fold of what would have been. */
  state: SessionState;
  /** The answers so far; the last one is that whose calls are being run. One that a reset went back to is there twice. */
  readonly turns: Turn[];
  /** Admissions whose calls have not ended: as they are in the log, and as they would have been. */
  readonly pending: Map<number, { readonly recorded: Admission; readonly would: Admission }>;
  /** Reservations of calls that only would have run. They are held to run as long as the answer's other calls. */
  presumed: { readonly seq: number; readonly tool: string; readonly callId: string; readonly record: AuditRecord }[];
  /** Names of reservations that have no record of their own. */
  nextName: number;
  /** Why the count of the last answer could not have been. */
  impossible: string | null;
  /** How the session would have ended, where its log goes on. */
  over: Over | null;
  /** A limit that ended the session in its log too: what was in flight came to its end. */
  exceeded: { readonly reason: string; readonly seq: number } | null;
  /** Somebody asked to cancel it: from then on the deadline stops nothing. */
  cancelled: boolean;
  /** The record from which on the session would have gone on, and its log does not say how. */
  goneOnAt: number | null;
  /** The last answer asks for nothing, and would have been the session's. */
  answered: boolean;
  readonly differences: Difference[];
}

/** An end that the log does not have. */
export interface Over {
  readonly outcome: 'killed' | 'cancelled' | 'not_opened';
  readonly reason: string | null;
  readonly seq: number | null;
}

/** A record that admitted a call. */
export type Admission = RecordOf<'llm_admitted' | 'tool_admitted'>;

export const RAN: Fate = { what: 'ran', reason: null, usdNano: null };
export const NOT_HAPPENED: Fate = { what: 'not_happened', reason: null, usdNano: null };

/** Before the first answer. */
const NO_TURN: TurnFacts = { seq: -1, asked: [], shiftTokens: 0, loops: new Map(), recent: NO_CALLS };

type TurnFacts = Omit<Turn, 'decided' | 'refused' | 'retries'>;

/** Begins to walk through a session. */
export function beginWalk(past: PastSession, rules: Rules): Walk {
  const [first] = past.records;
  return {
    past,
    was: past.contract,
    hadWallMs: first?.event === 'session_started' ? grantOf(first.payload.limits).wallMs : rules.grant.wallMs,
    rules,
    policy: compilePolicy(rules.contract, rules.predicates),
    principal: principalUnder(past, rules),
    state: emptyState(),
    turns: [newTurn(NO_TURN)],
    pending: new Map(),
    presumed: [],
    nextName: -1,
    impossible: null,
    over: null,
    exceeded: null,
    cancelled: false,
    goneOnAt: null,
    answered: false,
    differences: [],
  };
}

/** A turn of which nothing is decided yet. */
export function newTurn({ seq, asked, shiftTokens, loops, recent }: TurnFacts): Turn {
  return { seq, asked, shiftTokens, loops, recent, decided: new Set(), refused: new Set(), retries: new Map() };
}

/** What the loop rule says to the calls of an answer, after those of the answer before. */
export function judgeLoops(walk: Walk, asked: readonly AskedCall[]): Pick<Turn, 'loops' | 'recent'> {
  const loops = new Map<string, Denial>();
  let { recent } = turnOf(walk);
  for (const call of asked) {
    const { denial, calls } = judgeCall(recent, call, walk.rules.contract.loops);
    recent = calls;
    // Where people are asked, they said what they said.
    if (denial && walk.rules.contract.loops?.onRepeat !== 'ask') loops.set(safeName(call.id), denial);
  }
  return { loops, recent };
}

/** The answer whose calls are being run. */
export function turnOf({ turns }: Walk): Turn {
  return turns.at(-1) ?? newTurn(NO_TURN);
}

/** The principal that the session would have had: of the same start, below the same ones; agent, version and lifetime from the rules. */
function principalUnder({ records: [first] }: PastSession, { contract, grant }: Rules): Principal {
  const { startedMs = 0, random = '' } = parsePrincipalId(first?.principal ?? '') ?? {};
  const { agent, version } = contract;
  const chain = first?.event === 'session_started' ? (first.payload.chain ?? []) : [];
  return makePrincipal({ agent, version, user: first?.invoking_user ?? '', chain }, startedMs, random, grant.wallMs);
}

/** Folds a record as it would have been. */
export function fold(walk: Walk, record: Omit<AuditRecord, 'budget'>): void {
  walk.state = step(walk.state, record);
}

/** The record with another event in its place. */
export function remade<E extends EventName>(
  record: AuditRecord,
  event: E,
  payload: RecordOf<E>['payload'],
): Omit<AuditRecord, 'budget'> {
  return { ...record, event, payload };
}

export function timeOf(record: AuditRecord): number {
  return Date.parse(record.ts);
}

/** Whether the session would have had more time than it had, or less: milliseconds. */
export function moreTimeMs({ hadWallMs, rules }: Walk): number {
  return rules.grant.wallMs - hadWallMs;
}

/** Goes on under the contract that the session was moved to, unless other rules stand for all of its contracts. */
export function moveTo(walk: Walk, record: RecordOf<'contract_migrated'>): void {
  const { to_sha256, limits } = record.payload;
  const contract = walk.past.calls.contracts.get(to_sha256);
  if (!contract) return fold(walk, record);
  const granted = grantOf(limits);
  walk.was = contract;
  walk.hadWallMs = granted.wallMs;
  if (!walk.rules.migrated) return;
  walk.rules = walk.rules.migrated(contract, granted);
  walk.policy = compilePolicy(walk.rules.contract, walk.rules.predicates);
  fold(walk, remade(record, 'contract_migrated', { ...record.payload, limits: wireLimits(walk.rules.grant) }));
  walk.principal = { ...walk.principal, expiresMs: deadlineMs(walk.state.ledger) };
}

/** A limit that a reservation would break, as the guard tells it. */
export function shortfall({ state: { ledger } }: Walk, amounts: Amounts, nowMs: number): Denial | null {
  const shortage = shortageOf(ledger, { amounts, untilMs: deadlineMs(ledger), depth: ledger.depth }, nowMs);
  if (!shortage) return null;
  const { reason, needed, remaining } = shortage;
  return { reason, why: `${REFUSALS[reason].meaning} Needed: ${needed}, left: ${remaining}.` };
}

/** Ends the session that would have been. The limit that was met first counts. */
export function kill(walk: Walk, at: AuditRecord, reason: string): void {
  endPresumed(walk);
  walk.over ??= { outcome: 'killed', ...(walk.exceeded ?? { reason, seq: at.seq }) };
}

/** A limit that would have ended the session as it did, or where it did. */
export function exceedAsWell(walk: Walk, at: AuditRecord, reason: string): void {
  walk.exceeded ??= { reason, seq: at.seq };
}

/** Ends the calls that only would have run: a tool call each, whatever came of it. */
export function endPresumed(walk: Walk): void {
  for (const { seq, tool, callId, record } of walk.presumed) {
    const facts = { reservation: seq, tool, call_id: callId, ok: true, outcome: 'ok' as const, elapsed_ms: 0 };
    fold(walk, remade(record, 'tool_call', { ...facts, posted: { ...WIRE_NOTHING, tool_calls: 1 } }));
  }
  walk.presumed = [];
}

export const WIRE_NOTHING = { usd_nano: 0, tokens: 0, tool_calls: 0 };
export const ONE_CALL: Amounts = { ...NOTHING, toolCalls: 1 };
