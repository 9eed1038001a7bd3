import { canonicalJson } from './canonical.ts';
import type { RequestedCall } from './policy.ts';
import { safeName } from './redact.ts';
import type { Denial } from './refusals.ts';
import { sha256Hex } from './sha256.ts';

/** When a model goes round in circles. */
export interface LoopRule {
  /** How often one call with the same arguments may be made; the next one is refused. 0: as often as it likes. */
  readonly maxRepeats: number;
  /** What becomes of such a call: it is refused, or people are asked whether it may run. Absent: refused. */
  readonly onRepeat?: 'refuse' | 'ask';
}

/** The last calls that a model asked for, oldest first: the SHA-256 of each. Plain JSON. */
export type RecentCalls = readonly string[];

/** Before the first call. */
export const NO_CALLS: RecentCalls = [];

/** Calls that are remembered, at least. */
const REMEMBERED = 64;

/** What the loop rule says to a call, and the calls with it. */
export interface LoopVerdict {
  readonly denial: Denial | null;
  readonly calls: RecentCalls;
}

/**
 * Decides whether a call goes round in circles: it was made `maxRepeats` times among those that are remembered, or it
 * begins a sequence of calls again that has just come round half as often (at least twice). A refused call counts too.
 * Total and pure: never throws, whatever the arguments are.
 *
 * @param calls those before; what they were is of no matter here, only which are the same
 * @param rule absent in contracts that are older than it: then nothing is refused
 */
export function judgeCall(calls: RecentCalls, call: RequestedCall, rule: LoopRule | undefined): LoopVerdict {
  const maxRepeats = rule?.maxRepeats ?? 0;
  if (maxRepeats === 0) return { denial: null, calls };
  const digest = digestOf(call);
  const why = repeatsOf(calls, digest, maxRepeats, call.tool) ?? cycleOf(calls, digest, maxRepeats);
  const remembered = Math.max(REMEMBERED, 2 * maxRepeats);
  return {
    denial: why === null ? null : { reason: 'loop_detected', why: `${why} ${ADVICE}` },
    calls: [...calls, digest].slice(-remembered),
  };
}

const ADVICE = 'Do something else, or answer with what you have.';

function repeatsOf(calls: RecentCalls, digest: string, maxRepeats: number, tool: string): string | null {
  const before = calls.filter((one) => one === digest).length;
  if (before < maxRepeats) return null;
  const times = maxRepeats === 1 ? 'once' : `${maxRepeats} times`;
  return `${safeName(tool)} was called with the same arguments before, and may be ${times}.`;
}

/** A sequence of two or more calls that came round, and that this call would begin again. */
function cycleOf(calls: RecentCalls, digest: string, maxRepeats: number): string | null {
  const rounds = Math.max(2, Math.ceil(maxRepeats / 2));
  for (let length = 2; length * rounds <= calls.length; length++) {
    if (calls.at(-length) !== digest || !comesRound(calls, length, rounds)) continue;
    return `The last ${length * rounds} calls were the same ${length}, ${rounds} times over.`;
  }
  return null;
}

function comesRound(calls: RecentCalls, length: number, rounds: number): boolean {
  const from = calls.length - length * rounds;
  for (let at = calls.length - 1; at >= from + length; at--) if (calls[at] !== calls[at - length]) return false;
  return true;
}

/** Arguments that could not be read are told apart by what is wrong with them. */
function digestOf({ tool, args, problem }: RequestedCall): string {
  try {
    return sha256Hex(canonicalJson({ tool, args, problem }));
  } catch {
    // It has no canonical form, so the policy refuses it whatever it says: one such call is as good as another.
    return sha256Hex('no canonical form');
  }
}
