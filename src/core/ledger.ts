import type { Grant } from './contract.ts';
import type { RefusalReason } from './refusals.ts';

/** The three dimensions that add up. Integers. */
export interface Amounts {
  readonly usdNano: number;
  readonly tokens: number;
  readonly toolCalls: number;
}

/** Nothing, in every dimension that adds up. */
export const NOTHING: Amounts = { usdNano: 0, tokens: 0, toolCalls: 0 };

/** What a call may come to at most: the pending half of a two-phase transfer. */
export interface Reservation {
  /** Sequence number of the record that admitted the call: the reservation's name. */
  readonly seq: number;
  readonly amounts: Amounts;
  /** The call has ended by then; milliseconds since the epoch, at most the session's deadline. */
  readonly untilMs: number;
  /** Depth that the call runs at: the session's own, or one more for a sub-agent. */
  readonly depth: number;
}

/**
 * What was granted, is reserved and is posted. Five dimensions: usd, tokens and tool calls add up; wall clock and
 * recursion depth are high-water marks, since calls that run side by side share the same seconds.
 */
export interface Ledger {
  readonly grant: Grant;
  readonly startedMs: number;
  readonly depth: number;
  readonly posted: Amounts;
  readonly pending: readonly Reservation[];
  /** What was leased from accounts, by name. Absent: the session is on none. */
  readonly leases?: Readonly<Record<string, Lease>>;
}

/** What a session has leased from one account. */
export interface Lease {
  /** How often. */
  readonly n: number;
  /** All that was leased since the session began: what it has posted and reserved must stay within. */
  readonly amounts: Amounts;
}

/** A reservation that was not granted: the dimension, and what it lacked. */
export interface Shortage {
  readonly reason: Extract<RefusalReason, 'usd' | 'tokens' | 'max_tool_calls' | 'wall_seconds' | 'max_recursion_depth'>;
  readonly needed: number;
  readonly remaining: number;
}

/** A ledger on which nothing was spent. */
export function openLedger(grant: Grant, startedMs: number, depth: number): Ledger {
  return { grant, startedMs, depth, posted: NOTHING, pending: [] };
}

/** When the wall clock runs out; milliseconds since the epoch. */
export function deadlineMs(ledger: Ledger): number {
  return ledger.startedMs + ledger.grant.wallMs;
}

export function addAmounts(a: Amounts, b: Amounts): Amounts {
  return {
    usdNano: a.usdNano + b.usdNano,
    tokens: a.tokens + b.tokens,
    toolCalls: a.toolCalls + b.toolCalls,
  };
}

/** The sum of what is reserved. */
export function pendingAmounts(ledger: Ledger): Amounts {
  return ledger.pending.reduce((sum, reservation) => addAmounts(sum, reservation.amounts), NOTHING);
}

/** What was used, what is reserved included: it never falls short of what was spent. */
export function usedAmounts(ledger: Ledger): Amounts {
  return addAmounts(ledger.posted, pendingAmounts(ledger));
}

/** What is left of the grant, in one dimension that adds up. Infinity where there is no limit. */
export function remainingOfGrant(ledger: Ledger, dimension: keyof Amounts): number {
  const granted = ledger.grant[dimension];
  if (granted === null) return Number.POSITIVE_INFINITY;
  return granted - usedAmounts(ledger)[dimension];
}

/**
 * What a new reservation may take, in one dimension that adds up: what is left of the grant, and of what is leased from
 * each account. Infinity where there is no limit.
 */
export function remaining(ledger: Ledger, dimension: keyof Amounts): number {
  const left = remainingOfGrant(ledger, dimension);
  if (!ledger.leases) return left;
  const leased = Object.values(ledger.leases).map(({ amounts }) => amounts[dimension]);
  return Math.min(left, Math.min(...leased) - usedAmounts(ledger)[dimension]);
}

const ADDITIVE = [
  ['usdNano', 'usd'],
  ['tokens', 'tokens'],
  ['toolCalls', 'max_tool_calls'],
] as const;

/** Why a reservation does not fit, or null when it does. Zero is a budget: needing nothing always fits. */
export function shortageOf(ledger: Ledger, wanted: Omit<Reservation, 'seq'>, nowMs: number): Shortage | null {
  const deadline = deadlineMs(ledger);
  if (nowMs >= deadline || wanted.untilMs > deadline) {
    return { reason: 'wall_seconds', needed: wanted.untilMs - nowMs, remaining: Math.max(0, deadline - nowMs) };
  }
  if (wanted.depth > ledger.grant.recursionDepth) {
    return { reason: 'max_recursion_depth', needed: wanted.depth, remaining: ledger.grant.recursionDepth };
  }
  for (const [dimension, reason] of ADDITIVE) {
    const left = remaining(ledger, dimension);
    if (wanted.amounts[dimension] > left) return { reason, needed: wanted.amounts[dimension], remaining: left };
  }
  return null;
}

/** Grants more. What is not limited stays so, and what can't be counted exactly is not granted. */
export function raise(ledger: Ledger, more: Amounts): Ledger {
  const { grant } = ledger;
  const sum = (granted: number | null, added: number): number | null =>
    granted === null ? null : Math.min(granted + added, Number.MAX_SAFE_INTEGER);
  return {
    ...ledger,
    grant: {
      ...grant,
      usdNano: sum(grant.usdNano, more.usdNano),
      tokens: sum(grant.tokens, more.tokens),
      toolCalls: sum(grant.toolCalls, more.toolCalls),
    },
  };
}

/** Adds what an account has leased. What can't be counted exactly is not leased. */
export function lease(ledger: Ledger, account: string, n: number, granted: Amounts): Ledger {
  const before = (ledger.leases && Object.hasOwn(ledger.leases, account) && ledger.leases[account]?.amounts) || NOTHING;
  const sum = addAmounts(before, granted);
  const most = Number.MAX_SAFE_INTEGER;
  const amounts = {
    usdNano: Math.min(sum.usdNano, most),
    tokens: Math.min(sum.tokens, most),
    toolCalls: Math.min(sum.toolCalls, most),
  };
  return { ...ledger, leases: { ...ledger.leases, [account]: { n, amounts } } };
}

/**
 * Gives back all that is leased and neither posted nor reserved: a session that was reset may have ended before, and its
 * accounts have settled with it then. It has to ask them again.
 */
export function unlease(ledger: Ledger): Ledger {
  if (!ledger.leases) return ledger;
  const amounts = usedAmounts(ledger);
  const leases = Object.entries(ledger.leases).map(([account, { n }]) => [account, { n, amounts }] as const);
  return { ...ledger, leases: Object.fromEntries(leases) };
}

/** Takes a reservation. Whether it fits is {@link shortageOf}'s to say: a fold of records must be total. */
export function reserve(ledger: Ledger, reservation: Reservation): Ledger {
  return { ...ledger, pending: [...ledger.pending, reservation] };
}

/** Ends a reservation with what was really used: the posted half. A void is a post of nothing. */
export function post(ledger: Ledger, seq: number, used: Amounts): Ledger {
  const pending = ledger.pending.filter((reservation) => reservation.seq !== seq);
  if (pending.length === ledger.pending.length) return ledger;
  return { ...ledger, pending, posted: addAmounts(ledger.posted, used) };
}
