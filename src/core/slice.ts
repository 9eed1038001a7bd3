import type { Grant } from './contract.ts';
import { type Amounts, deadlineMs, type Ledger, remaining, type Shortage } from './ledger.ts';

/** What the session of another agent is given of its parent's budget, and what the parent reserves for it. */
export interface Slice {
  readonly grant: Grant;
  /** The grant and the call itself, in the dimensions that the parent counts against a limit. */
  readonly reserved: Amounts;
}

const ADDITIVE = [
  ['usdNano', 'usd'],
  ['tokens', 'tokens'],
  ['toolCalls', 'max_tool_calls'],
] as const;

const NO_LIMIT = Number.POSITIVE_INFINITY;

/**
 * Most of what nothing limits but a lease: an account that does not limit it either leases it in bulk, and who takes what is left of that
 * would be held to have used it where its end is not known.
 */
const LEASED_MOST: Amounts = { usdNano: 10_000_000_000, tokens: 2_000_000, toolCalls: 500 };

/**
 * Cuts a slice: at most what the agent may have, at most an equal share of what is left. The call itself is one tool call.
 *
 * @param limits most that one session of the agent is given
 * @param shares how many agents are still to be called by the same answer, this one included
 */
export function cutSlice(
  ledger: Ledger,
  limits: Grant,
  shares: number,
  nowMs: number,
): { readonly slice: Slice } | { readonly shortage: Shortage } {
  const untilDeadlineMs = deadlineMs(ledger) - nowMs;
  if (untilDeadlineMs <= 0) return { shortage: { reason: 'wall_seconds', needed: 1, remaining: 0 } };
  const depth = ledger.depth + 1;
  const { recursionDepth } = ledger.grant;
  if (depth > recursionDepth)
    return { shortage: { reason: 'max_recursion_depth', needed: depth, remaining: recursionDepth } };
  const left = { ...leftOf(ledger), toolCalls: remaining(ledger, 'toolCalls') - 1 };
  if (left.toolCalls < 0) return { shortage: { reason: 'max_tool_calls', needed: 1, remaining: 0 } };
  const { grant: grantOfParent } = ledger;
  const isOnAccount = ledger.leases !== undefined;
  const given = { usdNano: 0, tokens: 0, toolCalls: 0 };
  for (const [dimension, reason] of ADDITIVE) {
    const most =
      limits[dimension] ?? (isOnAccount && grantOfParent[dimension] === null ? LEASED_MOST[dimension] : NO_LIMIT);
    given[dimension] = Math.min(most, Math.floor(left[dimension] / Math.max(1, shares)));
    // With nothing to spend it could not begin. That it may call no tools is another matter.
    const isNeeded = dimension !== 'toolCalls' && most > 0;
    if (isNeeded && given[dimension] <= 0) return { shortage: { reason, needed: 1, remaining: left[dimension] } };
  }
  const grant: Grant = {
    usdNano: finite(given.usdNano),
    tokens: finite(given.tokens),
    toolCalls: finite(given.toolCalls),
    wallMs: Math.min(limits.wallMs, untilDeadlineMs),
    // A limit of the agent's own counts from where it is.
    recursionDepth: Math.min(recursionDepth, depth + limits.recursionDepth),
  };
  const reserved = {
    usdNano: grant.usdNano ?? 0,
    tokens: grant.tokens ?? 0,
    toolCalls: (grant.toolCalls ?? 0) + 1,
  };
  return { slice: { grant, reserved } };
}

function leftOf(ledger: Ledger): Pick<Amounts, 'usdNano' | 'tokens'> {
  return { usdNano: remaining(ledger, 'usdNano'), tokens: remaining(ledger, 'tokens') };
}

function finite(amount: number): number | null {
  return amount === Number.POSITIVE_INFINITY ? null : amount;
}
